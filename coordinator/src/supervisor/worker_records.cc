#include "supervisor/worker_records.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/strings/str_cat.h"
#include "safe_name.h"

namespace weir::coordinator {
namespace {

std::optional<RunningWorker> read_record(const std::string& path) {
  std::ifstream in(path);
  const nlohmann::json json = nlohmann::json::parse(in, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  RunningWorker record;
  try {
    record.name.worker = json.at("worker");
    record.name.job = json.at("job");
    record.name.epoch = json.at("epoch");
    record.name.slots = json.at("slots");
    record.process.pid = json.at("pid");
    record.process.start_ticks = json.at("start_ticks");
    record.process.boot = json.at("boot");
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
  if (!is_safe_name(record.name.worker)) return std::nullopt;
  return record;
}

}  // namespace

std::string WorkerRecords::path(const std::string& worker) const {
  return absl::StrCat(dir_, "/", worker, ".json");
}

absl::Status WorkerRecords::write(const RunningWorker& record) const {
  const std::string to = path(record.name.worker);
  const nlohmann::json json = {
      {"worker", record.name.worker}, {"job", record.name.job},
      {"epoch", record.name.epoch},   {"slots", record.name.slots},
      {"pid", record.process.pid},    {"start_ticks", record.process.start_ticks},
      {"boot", record.process.boot}};
  std::ofstream out(to + ".new", std::ios::trunc);
  out << json.dump() << "\n";
  out.close();
  std::error_code error;
  if (out) std::filesystem::rename(to + ".new", to, error);
  if (!out || error) {
    return absl::UnavailableError(absl::StrCat("cannot write ", to, "; is the disk full?"));
  }
  return absl::OkStatus();
}

void WorkerRecords::remove(const std::string& worker) const { ::unlink(path(worker).c_str()); }

std::vector<RunningWorker> WorkerRecords::read_all() const {
  std::vector<RunningWorker> records;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(dir_, missing)) {
    std::optional<RunningWorker> record = read_record(entry.path().string());
    if (record.has_value() && entry.path().string() == path(record->name.worker)) {
      records.push_back(*std::move(record));
    } else {
      ::unlink(entry.path().c_str());
    }
  }
  return records;
}

}  // namespace weir::coordinator
