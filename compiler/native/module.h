/* module.h: what the files of the native stage share: the LLVM module that is being made, and who
 * emits which part of it.
 *
 *   module.c            the target machine, the passes, the object
 *   requirements.c      what the processor must have
 *   emit_function.c     loops, branches, failures
 *   emit_arithmetic.c   scalar operations
 *   emit_convert.c      conversions between dtypes
 *   emit_memory.c       loads, stores, aliases
 *   emit_settle.c       sizes known at run time only
 *   layout.c            which buffers the model has
 *   constants.c         where the bytes of constants lie
 *   texts.c             pools of bytes
 *   emit_tables.c       the model's tables: buffers, steps, the model itself
 *   emit_interface.c    those of feeds, fetches, variables, signatures
 *   emit_entry.c        NAME_run and its like
 *   identifiers.c       names of C for names of the graph
 *   debug_lines.c       places in the YAML file, for debuggers
 *   elf_patch.c         sections of the finished object
 *   header.c            the header of the object
 *   load.c              the object in this process
 */
#ifndef TFCC_NATIVE_MODULE_H
#define TFCC_NATIVE_MODULE_H

#include "native/native.h"
#include <llvm-c/Core.h>
#include <llvm-c/TargetMachine.h>

/* The section of large constants. */
#define NATIVE_WEIGHTS_SECTION ".tfcc.weights"

/* Intrinsics of LLVM, looked up once by name. */
typedef enum Intrinsic {
    INTRINSIC_FABS,
    INTRINSIC_FMA,
    INTRINSIC_SQRT,
    INTRINSIC_FLOOR,
    INTRINSIC_CEIL,
    INTRINSIC_TRUNC,
    INTRINSIC_ROUNDEVEN,
    INTRINSIC_COPYSIGN,
    INTRINSIC_MINIMUM,
    INTRINSIC_MAXIMUM,
    INTRINSIC_SMIN,
    INTRINSIC_SMAX,
    INTRINSIC_UMIN,
    INTRINSIC_UMAX,
    INTRINSIC_ABS,
    INTRINSIC_ARITHMETIC_FENCE,
    INTRINSIC_SADD_SAT,
    INTRINSIC_SMUL_OVERFLOW,
    INTRINSIC_MASKED_LOAD,
    INTRINSIC_MASKED_STORE,
    INTRINSIC_MASKED_GATHER,
    INTRINSIC_MASKED_SCATTER,
    INTRINSIC_COUNT
} Intrinsic;

/* A global of bytes under construction: texts, handles, lists, constants. Pieces are addressed by
 * their offset. See texts.c. */
typedef struct BytePool {
    LLVMValueRef global;
    LLVMTypeRef type; /* a struct without a body until byte_pool_finish */
    const char *name;
    char *bytes;
    size_t length, capacity;
    unsigned alignment;
    Map known; /* texts: text -> offset + 1 */
} BytePool;

/* Where the content of a CONSTANT buffer lies. */
typedef enum ConstantHome { HOME_NONE, HOME_SMALL, HOME_LARGE, HOME_SIDE } ConstantHome;
typedef struct PlacedConstant {
    ConstantHome home;
    uint64_t offset;
} PlacedConstant;

/* Which buffers of the program the model has (those that a step, a feed or a fetch names), and the
 * steps of its kernels. */
typedef struct ModelLayout {
    const Buffer **buffers; /* by number in the model */
    size_t buffer_count;
    uint32_t *buffer_index; /* by Buffer.number; TFCC_ABI_NONE: not in the model */
    uint32_t *step_index;   /* by Kernel.number below kernel_limit; TFCC_ABI_NONE: no step */
    size_t kernel_limit;
} ModelLayout;

struct NativeModule {
    Arena *arena;
    Compilation *compilation;
    const LoopProgram *loops;
    const Program *program;
    const Graph *graph;
    TargetDescription target; /* of the function that is emitted; the least of them for all else */
    bool has_rounding;        /* roundps and its like (SSE4.1) */
    bool has_half;            /* vcvtps2ph (F16C) */
    const char *prefix;
    ModelLayout layout;
    struct ModelIdentifiers *identifiers;

    LLVMContextRef context;
    LLVMModuleRef module;
    LLVMTargetMachineRef machine;
    LLVMBuilderRef builder;
    LLVMTypeRef void_type, bool_type, int8, int16, int32, int64, float_type, double_type, pointer;
    unsigned intrinsics[INTRINSIC_COUNT];
    struct DebugLines *debug; /* NULL without -g */

    LLVMTypeRef kernel_type;
    LLVMValueRef *kernels; /* by LoopFunction.number */
    LLVMValueRef settle;   /* or NULL */
    uint32_t extra_slots;  /* what `settle` keeps between its parts, behind the program's slots */
    LLVMValueRef model;    /* NAME_model */

    BytePool texts, handles, lists, numbers, small_constants;
    PlacedConstant *constants; /* by buffer number */
    LLVMValueRef weights;      /* the global whose bytes are patched in, or NULL */
    uint64_t weights_size, side_size;
    const char *object; /* made by native_object */
    size_t object_size;
    char *side_bytes;
};

/* Adds the attributes every function of the module carries: processor, features, vector width. */
void native_function_attributes(NativeModule *module, LLVMValueRef function);
/* A call of an intrinsic overloaded on `types`. */
LLVMValueRef native_intrinsic(NativeModule *module, Intrinsic intrinsic, LLVMTypeRef *types,
                              size_t type_count, LLVMValueRef *arguments, unsigned count);
LLVMValueRef native_int32(NativeModule *module, uint32_t number);
LLVMValueRef native_int64(NativeModule *module, int64_t number);

/* ---- texts.c ---- */
void byte_pool_begin(NativeModule *module, BytePool *pool, const char *name, unsigned alignment);
/* Appends bytes at a multiple of `alignment`; gives their offset. */
size_t byte_pool_add(NativeModule *module, BytePool *pool, const void *bytes, size_t size,
                     size_t alignment);
/* The address of offset `offset`, usable before the pool is finished. */
LLVMValueRef byte_pool_address(NativeModule *module, BytePool *pool, size_t offset);
void byte_pool_finish(NativeModule *module, BytePool *pool);
LLVMValueRef native_text(NativeModule *module, const char *text);

/* ---- debug_lines.c ---- */
void debug_lines_begin(NativeModule *module);
void debug_lines_finish(NativeModule *module);
/* The scope of a function, attached to it; NULL without -g or without a place. */
LLVMMetadataRef debug_lines_function(NativeModule *module, LLVMValueRef function, const char *name,
                                     Place place);
/* Instructions built from now on come from `place`. */
void debug_lines_set(NativeModule *module, LLVMMetadataRef scope, Place place);

/* ---- emit_function.c ---- */
LLVMValueRef emit_function(NativeModule *module, const LoopFunction *function);

/* ---- emit_settle.c ---- */
/* module->settle and module->extra_slots. */
void emit_settle(NativeModule *module);

/* ---- layout.c ---- */
void layout_find(NativeModule *module);
/* The step that carries out a kernel, or TFCC_ABI_NONE. */
uint32_t layout_step(const NativeModule *module, const Kernel *kernel);
/* The slot of a number, which the program must have. */
uint32_t layout_slot(const NativeModule *module, Dim dim);

/* ---- constants.c ---- */
/* Gives every constant its place: module->constants, the pool of the small ones, the global of the
 * large ones. */
void constants_place(NativeModule *module);
/* The address of a constant's content; NULL pointer for one in the side file. */
LLVMValueRef constants_address(NativeModule *module, const Buffer *buffer);
/* Copies the large constants to `bytes`, which is what the object's section holds. */
void constants_fill(const NativeModule *module, ConstantHome home, char *bytes);

/* ---- elf_patch.c ---- */
/* The bytes of section `name` inside a relocatable ELF64 object; NULL where there is none, or where
 * anything points outside the object. */
char *elf_find_section(char *object, size_t object_size, const char *name, size_t *size);

/* ---- emit_tables.c: module->model and what it points to ---- */
void emit_tables(NativeModule *module);
/* The rows of one table, gathered before their number is known. */
typedef struct TableRows {
    LLVMValueRef *rows;
    size_t count, capacity;
} TableRows;
void table_add(NativeModule *module, TableRows *table, LLVMValueRef *fields, unsigned count);
/* The address of the finished table; NULL pointer for an empty one. */
LLVMValueRef table_finish(NativeModule *module, const TableRows *table, const char *name);
/* The feeds, fetches, variables and signatures: emit_interface.c. */
void emit_interface(NativeModule *module, TableRows *feeds, TableRows *fetches,
                    TableRows *variables, TableRows *signatures);
/* Appends a list of 32-bit numbers; gives the index of its first. */
uint32_t lists_add(NativeModule *module, const uint32_t *numbers, size_t count);
/* The steps of those kernels that have one; *steps is how many. */
uint32_t lists_add_steps(NativeModule *module, Kernel *const *kernels, size_t count,
                         uint32_t *steps);

/* ---- emit_entry.c ---- */
void emit_entry(NativeModule *module);

/* The checksum of the side file; 0 where there is none. */
uint32_t constants_side_checksum(const NativeModule *module);
/* requirements.c: what the processor must have, as tfcc_model.requires says it. */
const char *native_requirements(const NativeModule *module, const TargetDescription *target);
/* The same as tfcc_model.processor. */
void native_processor_bits(const NativeModule *module, const char *requirements,
                           uint32_t bits[TFCC_ABI_PROCESSOR_WORDS]);

/* ---- identifiers.c: shared by the object and the header ---- */
typedef struct ModelIdentifiers {
    const char **feeds, **fetches, **signatures; /* the X of NAME_feed_X, … by index; all unique */
    const char ***signature_feeds, ***signature_fetches; /* parameter names of typed functions */
} ModelIdentifiers;
ModelIdentifiers *model_identifiers(Arena *arena, const Graph *graph);
const char *model_prefix(const Compilation *compilation);
/* Whether dtype, rank and every size are known, so that a typed function takes a plain pointer. */
bool type_is_plain(const Type *type);
/* The number of elements of a known shape. */
int64_t type_element_count(const Type *type);

#endif
