// Everything that a topology author needs.
#pragma once

#include "weir/coordinator/embedded_job.h"
#include "weir/coordinator/main.h"
#include "weir/runtime/topology.h"

#if __has_include("weir/operators/dsl.h")
#include "weir/operators/dsl.h"
#endif
