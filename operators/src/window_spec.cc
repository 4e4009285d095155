#include "weir/operators/window_spec.h"

#include <algorithm>
#include <numeric>

#include "weir/runtime/params.h"

namespace weir::operators {
namespace {

std::int64_t floor_multiple(std::int64_t t, std::int64_t step) {
  const std::int64_t rem = t % step;
  return t - (rem < 0 ? rem + step : rem);
}

WindowSpec make(Duration size, Duration slide, Duration offset) {
  WindowSpec spec;
  spec.size = size;
  spec.slide = slide;
  spec.offset = offset;
  spec.slice_us = spec.slice().count();
  return spec;
}

}  // namespace

Duration WindowSpec::slice() const {
  return Duration(
      std::gcd(std::max<std::int64_t>(size.count(), 1), std::max<std::int64_t>(slide.count(), 1)));
}

Duration WindowSpec::watermark_step() const {
  return Duration(std::gcd(slice().count(), offset.count()));
}

std::int64_t WindowSpec::first_end(std::int64_t slice_start) const {
  return next_end(slice_start + slice_us - 1);
}

std::int64_t WindowSpec::last_end(std::int64_t slice_start) const {
  return floor_multiple(slice_start - offset.count(), slide.count()) + offset.count() +
         size.count();
}

std::int64_t WindowSpec::next_end(std::int64_t t) const {
  const std::int64_t base = size.count() + offset.count();
  return floor_multiple(t - base, slide.count()) + slide.count() + base;
}

std::string WindowSpec::fault() const {
  constexpr Duration kLongest(std::int64_t{1} << 60);
  if (size > kLongest || offset > kLongest || offset < -kLongest) {
    return "a window of more than 36,000 years is beyond reckoning; give a smaller size and offset";
  }
  if (size.count() <= 0) {
    return "a window of " + runtime::format_duration(size) + " holds nothing; give a size above 0";
  }
  if (slide.count() <= 0) {
    return "a window that slides by " + runtime::format_duration(slide) +
           " never moves; give a slide above 0";
  }
  if (slide > size) {
    return "a slide of " + runtime::format_duration(slide) + " is larger than the window of " +
           runtime::format_duration(size) +
           ", so records in between would belong to no window; give a slide up to the size";
  }
  return "";
}

std::string WindowSpec::describe() const {
  std::string text = is_tumbling() ? "tumbling " + runtime::format_duration(size)
                                   : "sliding " + runtime::format_duration(size) + "/" +
                                         runtime::format_duration(slide);
  if (offset.count() != 0) text += " offset " + runtime::format_duration(offset);
  return text;
}

WindowSpec tumbling(Duration size, Duration offset) { return make(size, size, offset); }
WindowSpec sliding(Duration size, Duration slide, Duration offset) {
  return make(size, slide, offset);
}

std::string LatePolicy::describe() const {
  std::string text;
  if (allowed.count() != 0) text = "refire within " + runtime::format_duration(allowed) + ", then ";
  return text + (stream.empty() ? "drop late" : "late to '" + stream + "'");
}

}  // namespace weir::operators
