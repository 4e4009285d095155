// write_seeds FOLDER: what each fuzzer begins with, in FOLDER/<fuzzer>/. Made by the code itself,
// so that the seeds are good whatever the version of a format is.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "control/control_message.h"
#include "control/plan_spec.h"
#include "control/snapshot_message.h"
#include "frame.h"
#include "weir/runtime/batch.h"
#include "weir/runtime/record.h"
#include "weir/state/manifest.h"

namespace {

using namespace weir;
using coordinator::control;
using coordinator::encode_control;
namespace wire = coordinator::wire;

struct Named {
  std::string name;
  std::int32_t count = 0;
  std::vector<std::string> tags;
};
WEIR_RECORD(Named, name, count, tags);

runtime::TaskSnapshot snapshot() {
  runtime::TaskSnapshot task;
  task.uid = "count";
  task.parallelism = 2;
  runtime::OperatorSnapshot& op = task.operators.emplace_back();
  op.uid = "count";
  op.task_state = "some state";
  op.partition_states.emplace_back(runtime::PartitionId(3), "offset");
  op.states.push_back({"total", "value", "i64", 1});
  task.channels.emplace_back();
  task.rows.format = "rows";
  task.rows.meta = "meta";
  const std::string hash = "0123456789abcdef0123456789abcdef";
  task.rows.files.push_back(
      {"e00000001-c000000000001-count-00000-00000001-" + hash + ".rows", 0, hash});
  return task;
}

std::vector<std::string> frames() {
  std::vector<std::string> out;
  runtime::FrameEncoder encoder;
  for (std::uint8_t kind = 0; kind <= static_cast<std::uint8_t>(runtime::wire::FrameKind::MAX);
       ++kind) {
    runtime::Frame frame;
    frame.job = "job-1";
    frame.epoch = 7;
    frame.kind = static_cast<runtime::wire::FrameKind>(kind);
    frame.link_sequence = 12;
    const std::string head = encoder.encode(frame);
    runtime::Batch<Named> batch(64);
    batch.resize(1);
    batch[0] = Named{"AMS", 4, {"a", "bc"}};
    std::string payload;
    batch.encode(payload);
    out.push_back(static_cast<char>(head.size()) + head + payload);
  }
  return out;
}

wire::PlanSpecT plan() {
  wire::PlanSpecT spec;
  spec.protocol = coordinator::kControlProtocol;
  spec.machine = coordinator::machine_name();
  spec.fingerprint = "f";
  auto chain = std::make_unique<wire::PlanChainT>();
  chain->uid = "spout";
  chain->operators.push_back(std::make_unique<wire::PlanOperatorT>());
  spec.chains.push_back(std::move(chain));
  spec.edges.push_back(std::make_unique<wire::PlanEdgeT>());
  return spec;
}

std::vector<std::string> controls() {
  wire::SubmitT submit;
  submit.name = "job";
  submit.plan = std::make_unique<wire::PlanSpecT>(plan());
  submit.arguments = {"--input", "x"};
  wire::SnapshotDoneT done;
  done.job = "job-1";
  done.snapshot = std::make_unique<wire::TaskSnapshotT>(coordinator::to_wire(snapshot()));
  wire::DeployT deploy;
  deploy.worker_of_task = {0, 1};
  deploy.workers.push_back(std::make_unique<wire::WorkerAddressT>());
  wire::SupervisorHelloT hello;
  hello.workers.push_back(std::make_unique<wire::WorkerRefT>());
  wire::UploadProgramT upload;
  upload.bytes = {1, 2, 3};
  return {encode_control(control(std::move(submit), 1)).head,
          encode_control(control(std::move(done))).head,
          encode_control(control(std::move(deploy))).head,
          encode_control(control(std::move(hello))).head,
          encode_control(control(std::move(upload), 2)).head,
          encode_control(control(wire::HeartbeatT{})).head};
}

std::vector<std::string> manifests() {
  state::Manifest manifest;
  manifest.job = "job";
  manifest.topology = "t";
  manifest.max_parallelism = 128;
  manifest.tasks.push_back(snapshot());
  const std::string text = manifest.to_text();
  // Without its seal, too: the fuzzer puts on one that fits.
  return {text, text.substr(0, text.rfind("\"xxh3_128\""))};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: write_seeds FOLDER\n");
    return 2;
  }
  const auto write = [&](const std::string& fuzzer, const std::vector<std::string>& seeds) {
    const std::string dir = std::string(argv[1]) + "/" + fuzzer;
    std::filesystem::create_directories(dir);
    for (std::size_t i = 0; i < seeds.size(); ++i) {
      std::ofstream(dir + "/" + std::to_string(i), std::ios::binary) << seeds[i];
    }
  };
  write("frame", frames());
  write("control", controls());
  write("manifest", manifests());
  write("savepoint", manifests());
  write("plan_spec", {coordinator::encode_plan_spec(plan())});
  return 0;
}
