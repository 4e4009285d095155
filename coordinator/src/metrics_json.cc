#include "metrics_json.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

namespace weir::coordinator {
namespace {

using Json = nlohmann::ordered_json;

double seconds(runtime::MonotonicTime t) { return std::chrono::duration<double>(t).count(); }

Json time_or_null(runtime::EventTime t) {
  if (t == runtime::EventTime::min() || t == runtime::EventTime::max()) return nullptr;
  return t.micros();
}

Json checkpoints_of(const JobProgress& p) {
  Json out = {{"completed", p.checkpoints}, {"failed", p.failed_checkpoints}};
  out["last_id"] = p.checkpoints == 0 ? Json(nullptr) : Json(p.last_checkpoint.value);
  out["last_took_s"] = p.checkpoints == 0 ? Json(nullptr) : Json(seconds(p.last_checkpoint_took));
  out["last_age_s"] = p.checkpoints == 0 ? Json(nullptr) : Json(seconds(p.last_checkpoint_age));
  return out;
}

Json operators_of(const JobProgress& p) {
  Json out = Json::array();
  for (const OperatorProgress& op : p.operators) {
    out.push_back({{"name", op.uid},
                   {"kind", op.kind},
                   {"records_in", op.records_in},
                   {"records_out", op.records_out},
                   {"late", op.late},
                   {"bad", op.bad}});
  }
  return out;
}

Json tasks_of(const JobProgress& p) {
  Json out = Json::array();
  for (const TaskProgress& task : p.tasks) {
    out.push_back({{"name", task.name},
                   {"blocking", runtime::blocking_reason_name(task.blocking)},
                   {"watermark", time_or_null(task.watermark)},
                   {"held_by", task.held_by.empty() ? Json(nullptr) : Json(task.held_by)},
                   {"state_bytes", task.state_bytes}});
  }
  return out;
}

}  // namespace

std::string metrics_json(const std::string& job, std::string_view state, std::string_view error,
                         const JobProgress& p) {
  const double elapsed = seconds(p.elapsed);
  Json out = {{"job", job},
              {"state", state},
              {"error", error.empty() ? Json(nullptr) : Json(error)},
              {"elapsed_s", elapsed},
              {"records_read", p.records_read},
              {"records_per_s", elapsed > 0 ? static_cast<double>(p.records_read) / elapsed : 0.0},
              {"records_written", p.records_written},
              {"late", p.late},
              {"bad", p.bad},
              {"watermark", time_or_null(p.watermark)},
              {"largest_time", time_or_null(p.largest_time)},
              {"checkpoints", checkpoints_of(p)},
              {"operators", operators_of(p)},
              {"tasks", tasks_of(p)}};
  // Bytes that are no UTF-8 (in names, in messages) are replaced, not thrown.
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::Status write_metrics(const std::string& path, const std::string& json) {
  const std::string temporary = path + ".tmp";
  {
    std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
    file << json;
    file.close();
    if (!file) {
      return absl::UnavailableError("cannot write " + temporary +
                                    "; its folder must be there and have space");
    }
  }
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    return absl::UnavailableError("cannot write " + path + ": " + std::strerror(errno));
  }
  return absl::OkStatus();
}

}  // namespace weir::coordinator
