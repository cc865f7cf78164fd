/* number.c: what a plain word of the YAML file means, and Python's arithmetic on what it means.
 *
 * Integers are decimal and exact between -2^63 and 2^64 - 1. A number with a point or an exponent
 * is a float64 as strtod reads it; the compiler never calls setlocale, so strtod reads in the C
 * locale.
 */
#include "source/expression.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SMALLEST_INTEGER ((WideInteger)INT64_MIN)
#define LARGEST_INTEGER  ((WideInteger)UINT64_MAX)

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_one_of(const char *text, size_t length, const char *const *words) {
    for (; *words; words++)
        if (strlen(*words) == length && memcmp(*words, text, length) == 0) return true;
    return false;
}

/* How many digits stand at text[i]. */
static size_t count_digits(const char *text, size_t length, size_t i) {
    size_t start = i;
    while (i < length && is_digit(text[i])) i++;
    return i - start;
}

static Number read_integer(const char *text, size_t length, bool is_negative) {
    uint64_t narrow = 0; /* 18 digits fit */
    size_t first = length < 18 ? length : 18;
    for (size_t i = 0; i < first; i++) narrow = narrow * 10 + (uint64_t)(text[i] - '0');
    WideInteger value = narrow;
    for (size_t i = first; i < length; i++) {
        value = value * 10 + (text[i] - '0');
        if (value > LARGEST_INTEGER) return (Number){.kind = NUMBER_TOO_LARGE};
    }
    if (is_negative) value = -value;
    if (value < SMALLEST_INTEGER) return (Number){.kind = NUMBER_TOO_LARGE};
    return (Number){.kind = NUMBER_INTEGER, .integer = value};
}

/* Digits, a point and nothing else: where the digits are below 2^53 and the divisor is an exact
 * power of ten, one division rounds as strtod does, at a fraction of its cost. */
static bool read_short_float(const char *text, size_t length, double *value) {
    static const double powers[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    size_t i = text[0] == '-' || text[0] == '+', decimals = 0;
    uint64_t digits = 0;
    if (length - i > 16) return false;
    bool has_point = false;
    for (; i < length; i++) {
        if (text[i] == '.') {
            has_point = true;
            continue;
        }
        if (!is_digit(text[i])) return false;
        digits = digits * 10 + (uint64_t)(text[i] - '0');
        decimals += has_point;
    }
    *value = (double)digits / powers[decimals];
    if (text[0] == '-') *value = -*value;
    return true;
}

static Number read_float(const char *text, size_t length) {
    double quick;
    if (read_short_float(text, length, &quick))
        return (Number){.kind = NUMBER_FLOAT, .real = quick};
    char local[64];
    char *copy = length < sizeof local ? local : malloc(length + 1);
    if (!copy) return (Number){.kind = NUMBER_TOO_LARGE};
    memcpy(copy, text, length);
    copy[length] = '\0';
    double value = strtod(copy, NULL);
    if (copy != local) free(copy);
    if (isinf(value)) return (Number){.kind = NUMBER_TOO_LARGE};
    return (Number){.kind = NUMBER_FLOAT, .real = value};
}

Number number_from_text(const char *text, size_t length) {
    static const char *const null_words[] = {"null", "Null", "NULL", "None", "~", "?", NULL};
    static const char *const true_words[] = {"true", "True", "TRUE", NULL};
    static const char *const false_words[] = {"false", "False", "FALSE", NULL};
    static const char *const infinities[] = {"inf", ".inf", ".Inf", ".INF", NULL};
    static const char *const nans[] = {"nan", ".nan", ".NaN", ".NAN", NULL};
    Number word = {.kind = NUMBER_NONE};
    if (length == 0) return (Number){.kind = NUMBER_NULL};
    size_t sign = text[0] == '-' || text[0] == '+';
    bool is_negative = text[0] == '-';
    const char *body = text + sign;
    size_t left = length - sign;
    if (left == 0) return word;
    if (!is_digit(body[0]) && body[0] != '.') {
        if (is_one_of(body, left, infinities))
            return (Number){.kind = NUMBER_FLOAT, .real = is_negative ? -INFINITY : INFINITY};
        if (sign) return word;
        if (is_one_of(text, length, null_words)) return (Number){.kind = NUMBER_NULL};
        if (is_one_of(text, length, true_words))
            return (Number){.kind = NUMBER_BOOL, .boolean = true};
        if (is_one_of(text, length, false_words)) return (Number){.kind = NUMBER_BOOL};
        if (is_one_of(text, length, nans)) return (Number){.kind = NUMBER_FLOAT, .real = NAN};
        return word;
    }
    size_t whole = count_digits(body, left, 0);
    if (whole == left) return read_integer(body, left, is_negative);
    if (is_one_of(body, left, infinities))
        return (Number){.kind = NUMBER_FLOAT, .real = is_negative ? -INFINITY : INFINITY};
    if (!sign && is_one_of(body, left, nans)) return (Number){.kind = NUMBER_FLOAT, .real = NAN};
    size_t i = whole, fraction = 0;
    if (i < left && body[i] == '.') {
        fraction = count_digits(body, left, i + 1);
        i += 1 + fraction;
    }
    if (whole + fraction == 0) return word;
    if (i < left && (body[i] == 'e' || body[i] == 'E')) {
        i++;
        if (i < left && (body[i] == '-' || body[i] == '+')) i++;
        size_t exponent = count_digits(body, left, i);
        if (exponent == 0) return word;
        i += exponent;
    }
    return i == left ? read_float(text, length) : word;
}

Number tree_resolve(const TreeNode *scalar) {
    if (scalar->kind != TREE_SCALAR || scalar->is_quoted) return (Number){.kind = NUMBER_NONE};
    return number_from_text(scalar->as.text, scalar->length);
}

/* ---- arithmetic ---- */

static double as_double(Number n) {
    return n.kind == NUMBER_FLOAT  ? n.real
           : n.kind == NUMBER_BOOL ? (double)n.boolean
                                   : (double)n.integer;
}

static WideInteger as_integer(Number n) {
    return n.kind == NUMBER_BOOL ? (WideInteger)n.boolean : n.integer;
}

static Number make_bool(bool value) {
    return (Number){.kind = NUMBER_BOOL, .boolean = value};
}

static Number make_float(double value) {
    return (Number){.kind = NUMBER_FLOAT, .real = value};
}

static WideInteger floor_divide_integers(WideInteger a, WideInteger b) {
    WideInteger quotient = a / b;
    return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

/* Python's divmod of floats: the remainder has the divisor's sign. */
static double modulo_doubles(double a, double b) {
    double remainder = fmod(a, b);
    if (remainder != 0 && (remainder < 0) != (b < 0)) return remainder + b;
    return remainder == 0 ? copysign(0.0, b) : remainder;
}

static double floor_divide_doubles(double a, double b) {
    double quotient = (a - modulo_doubles(a, b)) / b;
    double whole = floor(quotient);
    return quotient - whole > 0.5 ? whole + 1.0 : whole;
}

/* a ** b for b >= 0; false when it does not fit. */
static bool power_integers(WideInteger a, WideInteger b, WideInteger *result) {
    if (a == 0 || a == 1) return *result = b == 0 ? 1 : a, true;
    if (a == -1) return *result = b % 2 != 0 ? -1 : 1, true;
    WideInteger product = 1;
    for (; b > 0; b--) {
        if (__builtin_mul_overflow(product, a, &product)) return false;
        if (product > LARGEST_INTEGER || product < SMALLEST_INTEGER) return false;
    }
    return *result = product, true;
}

static bool fold_comparison(Operator op, Number a, Number b, Number *result) {
    bool exact = a.kind != NUMBER_FLOAT && b.kind != NUMBER_FLOAT;
    bool less = exact ? as_integer(a) < as_integer(b) : as_double(a) < as_double(b);
    bool equal = exact ? as_integer(a) == as_integer(b) : as_double(a) == as_double(b);
    bool greater = exact ? as_integer(a) > as_integer(b) : as_double(a) > as_double(b);
    switch (op) {
    case OPERATOR_EQUAL: return *result = make_bool(equal), true;
    case OPERATOR_NOT_EQUAL: return *result = make_bool(!equal), true;
    case OPERATOR_LESS: return *result = make_bool(less), true;
    case OPERATOR_LESS_EQUAL: return *result = make_bool(less || equal), true;
    case OPERATOR_GREATER: return *result = make_bool(greater), true;
    case OPERATOR_GREATER_EQUAL: return *result = make_bool(greater || equal), true;
    default: return false;
    }
}

static bool fold_floats(Diagnostics *diagnostics, Place place, Operator op, double a, double b,
                        Number *result) {
    if (b == 0 && (op == OPERATOR_DIVIDE || op == OPERATOR_FLOOR_DIVIDE || op == OPERATOR_MODULO))
        return diagnose_error(diagnostics, place, "division of a number by zero");
    switch (op) {
    case OPERATOR_ADD: return *result = make_float(a + b), true;
    case OPERATOR_SUBTRACT: return *result = make_float(a - b), true;
    case OPERATOR_MULTIPLY: return *result = make_float(a * b), true;
    case OPERATOR_DIVIDE: return *result = make_float(a / b), true;
    case OPERATOR_FLOOR_DIVIDE: return *result = make_float(floor_divide_doubles(a, b)), true;
    case OPERATOR_MODULO: return *result = make_float(modulo_doubles(a, b)), true;
    case OPERATOR_POWER: {
        double power = pow(a, b);
        if ((isnan(power) && !isnan(a) && !isnan(b)) ||
            (isinf(power) && isfinite(a) && isfinite(b)))
            return diagnose_error(diagnostics, place, "the power of these numbers is not a number");
        return *result = make_float(power), true;
    }
    default:
        return diagnose_error(diagnostics, place, "`%s` needs whole numbers", operator_text(op));
    }
}

static bool fold_integers(Diagnostics *diagnostics, Place place, Operator op, WideInteger a,
                          WideInteger b, Number *result) {
    WideInteger value = 0;
    bool fits = true;
    switch (op) {
    case OPERATOR_ADD: value = a + b; break;
    case OPERATOR_SUBTRACT: value = a - b; break;
    case OPERATOR_MULTIPLY: fits = !__builtin_mul_overflow(a, b, &value); break;
    case OPERATOR_FLOOR_DIVIDE:
    case OPERATOR_MODULO:
        if (b == 0) return diagnose_error(diagnostics, place, "division of a number by zero");
        value = floor_divide_integers(a, b);
        if (op == OPERATOR_MODULO) value = a - b * value;
        break;
    case OPERATOR_POWER: fits = power_integers(a, b, &value); break;
    case OPERATOR_LEFT_SHIFT:
    case OPERATOR_RIGHT_SHIFT:
        if (b < 0) return diagnose_error(diagnostics, place, "a shift by a negative number");
        if (op == OPERATOR_RIGHT_SHIFT)
            value = b > 100 ? (a < 0 ? -1 : 0) : a >> b;
        else
            fits = a == 0 || (b <= 64 && !__builtin_mul_overflow(a, (WideInteger)1 << b, &value));
        break;
    case OPERATOR_AND: value = a & b; break;
    case OPERATOR_OR: value = a | b; break;
    case OPERATOR_XOR: value = a ^ b; break;
    default:
        return diagnose_error(diagnostics, place, "`%s` is not defined on two numbers",
                              operator_text(op));
    }
    if (!fits || value > LARGEST_INTEGER || value < SMALLEST_INTEGER)
        return diagnose_error(diagnostics, place, "the result does not fit in 64 bits");
    *result = (Number){.kind = NUMBER_INTEGER, .integer = value};
    return true;
}

bool number_fold_binary(Diagnostics *diagnostics, Place place, Operator op, Number a, Number b,
                        Number *result) {
    if (a.kind == NUMBER_NULL || b.kind == NUMBER_NULL)
        return diagnose_error(diagnostics, place, "`%s` is not defined on None", operator_text(op));
    if (fold_comparison(op, a, b, result)) return true;
    bool is_float = a.kind == NUMBER_FLOAT || b.kind == NUMBER_FLOAT || op == OPERATOR_DIVIDE ||
                    (op == OPERATOR_POWER && as_integer(b) < 0);
    if (is_float) return fold_floats(diagnostics, place, op, as_double(a), as_double(b), result);
    bool is_bool = a.kind == NUMBER_BOOL && b.kind == NUMBER_BOOL &&
                   (op == OPERATOR_AND || op == OPERATOR_OR || op == OPERATOR_XOR);
    if (!fold_integers(diagnostics, place, op, as_integer(a), as_integer(b), result)) return false;
    if (is_bool) *result = make_bool(result->integer != 0);
    return true;
}

bool number_fold_unary(Diagnostics *diagnostics, Place place, Operator op, Number a,
                       Number *result) {
    if (a.kind == NUMBER_NULL)
        return diagnose_error(diagnostics, place, "`%s` is not defined on None", operator_text(op));
    if (op == OPERATOR_INVERT && a.kind == NUMBER_BOOL)
        return *result = make_bool(!a.boolean), true;
    if (op == OPERATOR_INVERT && a.kind == NUMBER_FLOAT)
        return diagnose_error(diagnostics, place, "`~` needs a whole number or a bool");
    if (a.kind == NUMBER_FLOAT)
        return *result = make_float(op == OPERATOR_NEGATE ? -a.real : a.real), true;
    WideInteger value = as_integer(a);
    value = op == OPERATOR_NEGATE ? -value : op == OPERATOR_INVERT ? ~value : value;
    if (value < SMALLEST_INTEGER)
        return diagnose_error(diagnostics, place, "the result does not fit in 64 bits");
    *result = (Number){.kind = NUMBER_INTEGER, .integer = value};
    return true;
}
