#include "weir/runtime/user_error.h"

#include <algorithm>

namespace weir::runtime {

namespace {

// What the current exception says.
std::string what_was_thrown() {
  try {
    throw;
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

std::string origin_of(const OperatorContext& context) {
  return "operator '" + context.name + "' (task " + std::to_string(context.task_index) +
         ", declared at " + context.place + ")";
}

// Rethrows the current exception with `origin` before and `where` behind its message.
[[noreturn]] void rethrow(const std::string& origin, const std::string& where) {
  try {
    throw;
  } catch (const UserFunctionError&) {
    throw;  // thrown further down the chain, place known
  } catch (...) {
    throw UserFunctionError(origin + ": the user's function threw: " + what_was_thrown() + where);
  }
}

std::string time_of(const BatchBase& batch, std::uint32_t index) {
  if (!batch.has_times || batch.empty()) return "";
  const std::int64_t* times = batch.times();
  if (index < batch.size()) {
    return "; event time of the record: " + iso_time(EventTime(times[index]));
  }
  const auto [least, most] = std::minmax_element(times, times + batch.size());
  return "; event times of the records at hand: " + iso_time(EventTime(*least)) + " to " +
         iso_time(EventTime(*most));
}

}  // namespace

void rethrow_with_place(const OperatorContext& context, const BatchBase& batch,
                        std::uint32_t index) {
  rethrow(origin_of(context), time_of(batch, index));
}

void rethrow_with_origin(const std::string& origin, const BatchBase& batch, std::uint32_t index) {
  rethrow(origin, time_of(batch, index));
}

void rethrow_from_timer(const OperatorContext& context, std::int64_t time_us) {
  rethrow(origin_of(context), "; time of the timer: " + iso_time(EventTime(time_us)));
}

std::string describe_exception(const OperatorContext& context) {
  try {
    throw;
  } catch (const UserFunctionError& e) {
    return e.what();
  } catch (...) {
    return origin_of(context) + ": the user's function threw: " + what_was_thrown();
  }
}

absl::Status run_guarded(const std::function<absl::Status()>& job) {
  try {
    return job();
  } catch (...) {
    return absl::AbortedError("the user's function threw: " + what_was_thrown());
  }
}

}  // namespace weir::runtime
