/* wire.h: protobuf's wire format, checked before anything trusts it.
 *
 * protobuf-c recurses into nested messages and copies every byte string. So a file is first walked
 * here, without recursion: tags, lengths and wire types have to be well formed, nesting is limited,
 * and what comes out is a small message of the fields that onnx.proto lists, with the elements of
 * tensors left where they are in the file.
 */
#ifndef TFCC_IMPORT_WIRE_H
#define TFCC_IMPORT_WIRE_H

#include "support/arena.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_MAX_DEPTH = 64,         /* messages inside messages */
    WIRE_MAX_MESSAGES = 2 << 20, /* in a file */
};

typedef enum WireType {
    WIRE_VARINT = 0,
    WIRE_FIXED64 = 1,
    WIRE_LENGTH = 2,
    WIRE_FIXED32 = 5,
} WireType;

/* A piece of a tensor's elements. For WIRE_LENGTH the bytes are the contents of one field (of a
 * packed list, or raw data); else they are tags and values by turns. */
typedef struct WireCut {
    uint32_t field;
    WireType type;
    const uint8_t *bytes;
    size_t length;
} WireCut;

typedef struct WireMessage {
    const uint8_t *bytes; /* what protobuf-c unpacks */
    size_t length;
    const WireCut *cuts;
    size_t cut_count;
} WireMessage;

/* What is being read: a message of onnx.proto. */
typedef enum WireRoot { WIRE_MODEL, WIRE_TENSOR } WireRoot;

/* False with a sentence (arena memory) when the bytes are no such message. */
bool wire_read(Arena *arena, WireRoot root, const uint8_t *bytes, size_t length,
               WireMessage *message, const char **error);

/* A cursor over values inside a cut. */
bool wire_varint(const uint8_t **at, const uint8_t *end, uint64_t *value);

#endif
