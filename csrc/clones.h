// clones.h: loops compiled for several processors, the best of which is picked when the library is
// loaded. The levels of x86-64 are asked for by what a processor can do; a name such as haswell
// would be only that one model.
#pragma once

#define GNN_CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
