// What the coordinator says of jobs and hosts, as text for people and as JSON. Pure functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cluster/job_record.h"
#include "control_generated.h"

namespace weir::coordinator {

// "1 slot", "3 slots"
std::string plural(std::uint64_t n, const std::string& what);

std::string cluster_text(const wire::ClusterT& cluster);
// `now`: of the wall clock.
std::string jobs_text(const wire::JobsT& jobs, std::chrono::microseconds now);
std::string job_text(const wire::JobInfoT& job, std::chrono::microseconds now);
// One line about a job that goes on; `rate` of the last moments, records/s.
std::string job_line(const wire::JobInfoT& job, double rate);
// A few lines about one that is over.
std::string job_summary(const wire::JobInfoT& job);
// "2026-11-25 13:21:50  running   all tasks run"
std::string event_line(const wire::JobEventT& event);

nlohmann::json job_json(const wire::JobInfoT& job);
nlohmann::json cluster_json(const wire::ClusterT& cluster);
nlohmann::json event_json(const wire::JobEventT& event);
// What stands for `value` on stdout. Texts may hold whatever a program has written: what is no
// UTF-8 is replaced.
std::string shown_json(const nlohmann::json& value, int indent);

}  // namespace weir::coordinator
