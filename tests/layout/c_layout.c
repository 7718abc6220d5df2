/* The layout as C. */
#include "print_layout.h"
