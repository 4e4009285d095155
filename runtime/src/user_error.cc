#include "weir/runtime/user_error.h"

namespace weir::runtime {

void rethrow_with_place(const OperatorContext& context, const BatchBase& batch,
                        std::uint32_t index) {
  std::string what = "an exception that is no std::exception";
  try {
    throw;
  } catch (const UserFunctionError&) {
    throw;  // thrown further down the chain, place known
  } catch (const std::exception& e) {
    what = e.what();
  } catch (...) {
  }
  std::string message = "operator '" + context.name + "' (task " +
                        std::to_string(context.task_index) + ", declared at " + context.place +
                        "): the user's function threw: " + what;
  if (batch.has_times && index < batch.size()) {
    message += "; event time of the record: " + std::to_string(batch.times()[index]) + " us";
  }
  throw UserFunctionError(message);
}

}  // namespace weir::runtime
