/* onnx_writer.h: ONNX models written field by field, good ones and others.
 *
 * A message is a Text that fields are appended to; field numbers are those of ONNX's protobuf format. */
#ifndef TFCC_TEST_ONNX_WRITER_H
#define TFCC_TEST_ONNX_WRITER_H

#include "support/text.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef Text Message;

static inline void put_varint(Message *m, uint64_t value) {
    for (; value >= 0x80; value >>= 7) text_add_char(m, (char)(value | 0x80));
    text_add_char(m, (char)value);
}

static inline void put_number(Message *m, unsigned field, uint64_t value) {
    put_varint(m, (uint64_t)field << 3);
    put_varint(m, value);
}

static inline void put_bytes(Message *m, unsigned field, const void *bytes, size_t length) {
    put_varint(m, (uint64_t)field << 3 | 2);
    put_varint(m, length);
    text_add_bytes(m, bytes, length);
}

static inline void put_text(Message *m, unsigned field, const char *text) {
    put_bytes(m, field, text, strlen(text));
}

static inline void put_message(Message *m, unsigned field, const Message *inner) {
    put_bytes(m, field, inner->bytes, inner->length);
}

static inline Message message(Arena *arena) {
    Message m = {.arena = arena};
    text_add(&m, "");
    return m;
}

/* TensorProto without elements: dtype is ONNX's number. */
static inline Message tensor(Arena *arena, const char *name, int dtype, int rank,
                             const int64_t *dims) {
    Message m = message(arena);
    for (int i = 0; i < rank; i++) put_number(&m, 1, (uint64_t)dims[i]);
    put_number(&m, 2, (uint64_t)dtype);
    put_text(&m, 8, name);
    return m;
}

static inline Message raw_tensor(Arena *arena, const char *name, int dtype, int rank,
                                 const int64_t *dims, const void *bytes, size_t size) {
    Message m = tensor(arena, name, dtype, rank, dims);
    put_bytes(&m, 9, bytes, size);
    return m;
}

/* NodeProto; inputs and outputs are words separated by spaces, "-" for one that is left out. */
static inline Message node(Arena *arena, const char *op, const char *inputs, const char *outputs) {
    Message m = message(arena);
    const char *lists[] = {inputs, outputs};
    for (unsigned k = 0; k < 2; k++)
        for (const char *at = lists[k]; *at;) {
            size_t length = strcspn(at, " ");
            bool is_absent = length == 1 && *at == '-';
            put_bytes(&m, k + 1, at, is_absent ? 0 : length);
            at += length + (at[length] == ' ');
        }
    put_text(&m, 4, op);
    return m;
}

static inline void put_integer_attribute(Message *onto, const char *name, int64_t value) {
    Message m = message(onto->arena);
    put_text(&m, 1, name);
    put_number(&m, 3, (uint64_t)value);
    put_number(&m, 20, 2);
    put_message(onto, 5, &m);
}

static inline void put_integers_attribute(Message *onto, const char *name, const int64_t *values,
                                          size_t count) {
    Message m = message(onto->arena);
    put_text(&m, 1, name);
    for (size_t i = 0; i < count; i++) put_number(&m, 8, (uint64_t)values[i]);
    put_number(&m, 20, 7);
    put_message(onto, 5, &m);
}

/* An attribute of a function's node that stands for one of the call. */
static inline void put_reference(Message *onto, const char *name, const char *reference, int kind) {
    Message m = message(onto->arena);
    put_text(&m, 1, name);
    put_text(&m, 21, reference);
    put_number(&m, 20, (uint64_t)kind);
    put_message(onto, 5, &m);
}

static inline void put_message_attribute(Message *onto, const char *name, int kind,
                                         const Message *value) {
    Message m = message(onto->arena);
    put_text(&m, 1, name);
    put_message(&m, kind == 4 ? 5 : kind == 5 ? 6 : 22, value);
    put_number(&m, 20, (uint64_t)kind);
    put_message(onto, 5, &m);
}

/* ValueInfoProto of a tensor; dims are words: a number, a name, or `?` for a dimension without
 * either. NULL: no shape. */
static inline Message value_info(Arena *arena, const char *name, int dtype, const char *dims) {
    Message m = message(arena), type = message(arena), of_tensor = message(arena),
            shape = message(arena);
    for (const char *at = dims ? dims : ""; *at;) {
        size_t length = strcspn(at, " ");
        Message dim = message(arena);
        bool is_number = (*at >= '0' && *at <= '9') || *at == '-';
        if (is_number)
            put_number(&dim, 1, (uint64_t)strtoll(at, NULL, 10));
        else if (*at != '?')
            put_bytes(&dim, 2, at, length);
        put_message(&shape, 1, &dim);
        at += length + (at[length] == ' ');
    }
    put_number(&of_tensor, 1, (uint64_t)dtype);
    if (dims) put_message(&of_tensor, 2, &shape);
    put_message(&type, 1, &of_tensor);
    put_text(&m, 1, name);
    put_message(&m, 2, &type);
    return m;
}

static inline void put_input(Message *graph, const char *name, int dtype, const char *dims) {
    Message info = value_info(graph->arena, name, dtype, dims);
    put_message(graph, 11, &info);
}

static inline void put_output(Message *graph, const char *name) {
    Message info = value_info(graph->arena, name, 1, NULL);
    put_message(graph, 12, &info);
}

static inline void put_node(Message *graph, const char *op, const char *inputs,
                            const char *outputs) {
    Message m = node(graph->arena, op, inputs, outputs);
    put_message(graph, 1, &m);
}

static inline void put_opset(Message *onto, unsigned field, const char *domain, int64_t version) {
    Message m = message(onto->arena);
    put_text(&m, 1, domain);
    put_number(&m, 2, (uint64_t)version);
    put_message(onto, field, &m);
}

static inline Message model(Arena *arena, const Message *graph, int64_t opset) {
    Message m = message(arena);
    put_number(&m, 1, 8);
    put_opset(&m, 8, "", opset);
    put_message(&m, 7, graph);
    return m;
}

#endif
