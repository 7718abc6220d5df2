/* Prints offset and size of every field of every struct, as this compiler lays them out: lines
 * "STRUCT FIELD OFFSET SIZE", with the field "." for the whole. The list of fields is made from the
 * header's text (abi_header.py), so that none can be forgotten. */
#include "pipetrace_abi.h"

#include <stdio.h>

#define WHOLE(type) printf("%s . 0 %zu\n", #type, sizeof(struct type));
#define FIELD(type, field)                                                           \
    printf("%s %s %zu %zu\n", #type, #field, __builtin_offsetof(struct type, field), \
           sizeof(((struct type*)0)->field));

int main(void) {
#include "layout_fields.inc"
    return 0;
}
