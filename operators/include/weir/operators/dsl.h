// Everything that the operators room offers to a topology author.
#pragma once

#include "weir/operators/aggregates.h"
#include "weir/operators/collect.h"
#include "weir/operators/feeds/feed_spout.h"
#include "weir/operators/files/file_sink.h"
#include "weir/operators/files/file_spout.h"
#include "weir/operators/generator.h"
#include "weir/operators/print.h"
#include "weir/operators/sink.h"
#include "weir/operators/spout.h"
#include "weir/operators/stream.h"
#include "weir/operators/window_spec.h"
