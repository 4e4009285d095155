#include "weir/runtime/user_error.h"

namespace weir::runtime {

namespace {

// Rethrows the current exception with the operator's name and `where` behind its message.
[[noreturn]] void rethrow(const OperatorContext& context, const std::string& where) {
  std::string what = "an exception that is no std::exception";
  try {
    throw;
  } catch (const UserFunctionError&) {
    throw;  // thrown further down the chain, place known
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
  }
  throw UserFunctionError("operator '" + context.name + "' (task " +
                          std::to_string(context.task_index) + ", declared at " + context.place +
                          "): the user's function threw: " + what + where);
}

}  // namespace

void rethrow_with_place(const OperatorContext& context, const BatchBase& batch,
                        std::uint32_t index) {
  std::string where;
  if (batch.has_times && index < batch.size()) {
    where = "; event time of the record: " + std::to_string(batch.times()[index]) + " us";
  }
  rethrow(context, where);
}

void rethrow_from_timer(const OperatorContext& context, std::int64_t time_us) {
  rethrow(context, "; time of the timer: " + std::to_string(time_us) + " us");
}

}  // namespace weir::runtime
