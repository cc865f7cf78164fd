/* tensor_text.h: tensors as YAML. */
#ifndef TFCC_COMMAND_TENSOR_TEXT_H
#define TFCC_COMMAND_TENSOR_TEXT_H

#include "support/text.h"
#include <tfcc/runtime.h>

/* `[[1, 2], [3, 4]]`; floating point so that it reads back exactly. */
void text_add_tensor(Text *text, const tfcc_tensor *tensor);
/* A name as a YAML key: quoted where it has to be. */
void text_add_key(Text *text, const char *name);

#endif
