/* main.c: the tutorial's graphs, called from C. Each section shows the values next to the call that gave them.
 *
 * Built by ../demo.sh, which compiles the graphs first; `main FOLDER` keeps its checkpoint in FOLDER.
 */
#include <stdio.h>
#include <stdlib.h>

#include "01_define_then_run.h"
#include "03_variables.h"
#include "04_placeholder.h"
#include "05_placeholder_shape.h"
#include "06_arithmetic.h"
#include "07_vectors.h"
#include "08_matrices.h"
#include "09_sessions.h"
#include "10_saver.h"
#include "11_line.h"

static void check(tfcc_status status, const tfcc_session *session) {
    if (status == TFCC_OK) return;
    fprintf(stderr, "%s: %s\n", tfcc_status_name(status), tfcc_message(session));
    exit(1);
}

static tfcc_session *open_session(const tfcc_model *model) {
    tfcc_session *session;
    check(tfcc_session_open(model, NULL, &session), NULL);
    return session;
}

static void print_integers(const char *what, const int32_t *numbers, int count) {
    printf("  %s:", what);
    for (int k = 0; k < count; k++) printf(" %d", (int)numbers[k]);
    putchar('\n');
}

static void define_then_run(void) {
    puts("1. define, then run");
    tfcc_session *session = open_session(&define_then_run_model);
    int32_t a, b, c;
    tfcc_fetch fetches[] = {{"a", tfcc_int32(&a)}, {"b", tfcc_int32(&b)}, {"c", tfcc_int32(&c)}};
    check(define_then_run_run(session, NULL, 0, fetches, 3), session);
    printf("  [a, b, c]: [%d, %d, %d]\n", (int)a, (int)b, (int)c);
    tfcc_session_close(session);
}

static void variables(void) {
    puts("3. variables");
    tfcc_session *session = open_session(&counter_model);
    int32_t c, a;
    tfcc_fetch fetches[] = {{"c", tfcc_int32(&c)}, {"a", tfcc_int32(&a)}};
    tfcc_status status = counter_run(session, NULL, 0, fetches, 2);
    printf("  before initialize: %s, %s\n", tfcc_status_name(status), tfcc_message(session));
    check(tfcc_initialize(session), session);
    for (int run = 0; run < 2; run++) {
        check(counter_run(session, NULL, 0, fetches, 2), session);
        printf("  [c, a]: [%d, %d]\n", (int)c, (int)a);
    }
    tfcc_session_close(session);
}

static void placeholders(void) {
    puts("4. a placeholder of any shape");
    tfcc_session *session = open_session(&placeholder_model);
    int32_t numbers[] = {1, 2, 3, 4}, result[4];
    int64_t vector[] = {4}, matrix[] = {2, 2}, shape[TFCC_MAX_RANK];
    tfcc_feed feeds[] = {{"a", tfcc_int32(numbers)}};
    tfcc_fetch fetches[] = {
        {"c", {.data = result, .shape = shape, .dtype = TFCC_INT32, .capacity = sizeof result}}};
    check(placeholder_run(session, feeds, 1, fetches, 1), session);
    print_integers("a = 1, a + b", result, 1);
    feeds[0].tensor = tfcc_array(TFCC_INT32, numbers, vector, 1);
    check(placeholder_run(session, feeds, 1, fetches, 1), session);
    print_integers("a = [1, 2, 3, 4], a + b", result, (int)shape[0]);
    feeds[0].tensor = tfcc_array(TFCC_INT32, numbers, matrix, 2);
    check(placeholder_run(session, feeds, 1, fetches, 1), session);
    printf("  a = [[1, 2], [3, 4]], a + b: [[%d, %d], [%d, %d]], rank %d\n", (int)result[0],
           (int)result[1], (int)result[2], (int)result[3], (int)fetches[0].tensor.rank);
    tfcc_session_close(session);

    puts("5. a placeholder of shape [null, 2]");
    session = open_session(&placeholder_shape_model);
    for (int64_t rows = 1; rows <= 2; rows++) {
        int64_t fed[] = {rows, 2};
        tfcc_feed x = {"x", tfcc_array(TFCC_INT32, numbers, fed, 2)};
        tfcc_fetch y = {"y", {.data = NULL, .shape = NULL, .dtype = TFCC_INT32}};
        check(placeholder_shape_run(session, &x, 1, &y, 1), session);
        print_integers(rows == 1 ? "[[1, 2]]" : "[[1, 2], [3, 4]]", y.tensor.data, (int)(2 * rows));
        tfcc_tensor_free(&y.tensor);
    }
    tfcc_session_close(session);
}

static void arithmetic(void) {
    puts("6. arithmetic");
    tfcc_session *session = open_session(&arithmetic_model);
    int32_t sum, product;
    tfcc_fetch numbers[] = {{"sum", tfcc_int32(&sum)}, {"product", tfcc_int32(&product)}};
    check(arithmetic_run(session, NULL, 0, numbers, 2), session);
    printf("  2 + 3: %d\n  2 * 3: %d\n", (int)sum, (int)product);
    tfcc_session_close(session);

    puts("7. vectors");
    session = open_session(&vectors_model);
    int32_t sums[3], products[3];
    int64_t three[] = {3}, also_three[] = {3};
    tfcc_fetch vectors[] = {{"sum", tfcc_array(TFCC_INT32, sums, three, 1)},
                            {"product", tfcc_array(TFCC_INT32, products, also_three, 1)}};
    check(vectors_run(session, NULL, 0, vectors, 2), session);
    print_integers("[1, 2, 3] + [4, 5, 6]", sums, 3);
    print_integers("[1, 2, 3] * [4, 5, 6]", products, 3);
    tfcc_session_close(session);

    puts("8. matrices");
    session = open_session(&matrices_model);
    int32_t column[2], shapes[3][2];
    int64_t two_by_one[] = {2, 1}, two[3][1] = {{2}, {2}, {2}};
    tfcc_fetch matrices[] = {{"product", tfcc_array(TFCC_INT32, column, two_by_one, 2)},
                             {"shape_of_a", tfcc_array(TFCC_INT32, shapes[0], two[0], 1)},
                             {"shape_of_b", tfcc_array(TFCC_INT32, shapes[1], two[1], 1)},
                             {"shape_of_product", tfcc_array(TFCC_INT32, shapes[2], two[2], 1)}};
    check(matrices_run(session, NULL, 0, matrices, 4), session);
    printf("  product: [[%d], [%d]]\n", (int)column[0], (int)column[1]);
    printf("  shapes: (%d, %d), (%d, %d), (%d, %d)\n", (int)shapes[0][0], (int)shapes[0][1],
           (int)shapes[1][0], (int)shapes[1][1], (int)shapes[2][0], (int)shapes[2][1]);
    tfcc_session_close(session);
}

static void sessions(void) {
    puts("9. a new session starts again");
    for (int number = 0; number < 2; number++) {
        tfcc_session *session = open_session(&sessions_model);
        check(tfcc_initialize(session), session);
        int32_t next[2];
        for (int run = 0; run < 2; run++) {
            tfcc_fetch fetch = {"next", tfcc_int32(&next[run])};
            check(sessions_run(session, NULL, 0, &fetch, 1), session);
        }
        print_integers(number ? "second session" : "first session", next, 2);
        tfcc_session_close(session);
    }
}

static void saver(const char *folder) {
    puts("10. save and restore");
    char prefix[4096];
    snprintf(prefix, sizeof prefix, "%s/model/model.ckpt", folder);
    for (int number = 0; number < 2; number++) {
        tfcc_session *session = open_session(&saver_model);
        check(number ? tfcc_restore(session, prefix) : tfcc_initialize(session), session);
        int32_t next[2];
        for (int run = 0; run < 2; run++) {
            tfcc_fetch fetch = {"next", tfcc_int32(&next[run])};
            check(saver_run(session, NULL, 0, &fetch, 1), session);
        }
        print_integers(number ? "restored, goes on" : "initialised, then saved", next, 2);
        if (!number) check(tfcc_save(session, prefix), session);
        tfcc_session_close(session);
    }
}

static void learning(void) {
    puts("11. a first learning loop: y = 3 x + 2 from 20 points");
    enum { POINTS = 20, STEPS = 400 };
    float x[POINTS], y[POINTS], loss = 0, w, b;
    for (int k = 0; k < POINTS; k++) {
        x[k] = (float)k / (POINTS - 1);
        y[k] = 3 * x[k] + 2;
    }
    int64_t shape[] = {POINTS};
    tfcc_session *session = open_session(&line_model);
    check(tfcc_initialize(session), session);
    tfcc_feed feeds[] = {{"x", tfcc_array(TFCC_FLOAT32, x, shape, 1)},
                         {"y", tfcc_array(TFCC_FLOAT32, y, shape, 1)}};
    tfcc_fetch fetches[] = {{"loss", tfcc_float32(&loss)}, {"step", {.dtype = TFCC_NONE}}};
    for (int step = 0; step <= STEPS; step++) {
        check(line_run(session, feeds, 2, fetches, 2), session);
        if (step % 100 == 0) printf("  step %3d: loss %.6f\n", step, (double)loss);
    }
    tfcc_tensor w_now = tfcc_float32(&w), b_now = tfcc_float32(&b);
    check(tfcc_variable_get(session, "w", &w_now), session);
    check(tfcc_variable_get(session, "b", &b_now), session);
    printf("  w: %.2f\n  b: %.2f\n", (double)w, (double)b);
    tfcc_session_close(session);
}

int main(int argument_count, char **arguments) {
    define_then_run();
    variables();
    placeholders();
    arithmetic();
    sessions();
    saver(argument_count > 1 ? arguments[1] : ".");
    learning();
    return 0;
}
