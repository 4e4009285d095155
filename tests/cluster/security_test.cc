// A cluster with keys, as people run it: the same results, and nothing for those without keys.
#include <random>

#include "cluster/weir_command.h"
#include "control/control_message.h"
#include "security/key_folder.h"
#include "support/committed_lines.h"
#include "support/golden_topologies.h"
#include "support/raw_client.h"
#include "weir/runtime/transport.h"

namespace weir::tests {
namespace {

namespace fs = std::filesystem;

// Says what no client of Weir says, and takes note of the answers.
class Stranger final : public runtime::MessageHandler {
 public:
  Stranger(runtime::Transport& transport, const std::string& name, const std::string& address) {
    end_ = *transport.open({.name = name}, *this);
    EXPECT_TRUE(end_->connect("coordinator", "tcp://" + address).ok());
  }
  ~Stranger() override { end_.reset(); }
  template <class Body>
  void say(Body body) {
    end_->send("coordinator",
               coordinator::encode_control(coordinator::control(std::move(body), ++request_)));
  }
  void on_message(std::string_view, std::string_view, std::string_view) override { ++answers_; }
  void on_refused(std::string_view, std::string_view) override { ++refusals_; }
  int answers() const { return answers_.load(); }
  int refusals() const { return refusals_.load(); }

 private:
  std::unique_ptr<runtime::Endpoint> end_;
  std::uint64_t request_ = 0;
  std::atomic<int> answers_{0}, refusals_{0};
};

class ClusterSecurity : public WeirCommand {
 protected:
  std::string address() {
    return nlohmann::json::parse(read_file(cluster_dir() + "/cluster.json")).at("address");
  }
  std::size_t resident_bytes(int pid) {
    std::istringstream in(read_file("/proc/" + std::to_string(pid) + "/statm"));
    std::size_t pages = 0;
    in >> pages >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }
  // Every path below the test's folder.
  std::vector<std::string> paths() const {
    std::vector<std::string> out;
    for (const auto& entry : fs::recursive_directory_iterator(dir_.path())) {
      out.push_back(entry.path().string());
    }
    return out;
  }
};

TEST_F(ClusterSecurity, AGoldenTopologyComesOutTheSameOnAClusterWithKeys) {
  const Ran init = weir({"keys", "init"});
  ASSERT_EQ(init.code, 0) << init.err;
  EXPECT_NE(init.out.find("The cluster's keys are in " + cluster_dir() + "/keys."),
            std::string::npos)
      << init.out;
  // Other hosts may reach it now; here it is this one by any of its addresses.
  up({"--workers", "2", "--slots", "1", "-D", "coordinator.listen=0.0.0.0"});
  const Golden& golden = kGoldens[0];
  const std::string output = dir_ / "out";
  const auto job = start({"run", bin("golden_job"), "--name", "golden", "-p", "2", "--", "--which",
                          std::string(golden.name), "--data", kData, "--output", output,
                          "--checkpoint-interval", "200ms"});
  const std::string secret = read_file(cluster_dir() + "/keys/cluster.secret").substr(0, 40);
  for (const std::int32_t pid : processes_of_test()) {
    for (const char* what : {"cmdline", "environ"}) {
      const std::string text = read_file("/proc/" + std::to_string(pid) + "/" + what);
      EXPECT_EQ(text.find(secret), std::string::npos) << pid << " " << what;
    }
  }
  const Ran ran = job->wait();
  ASSERT_EQ(ran.code, 0) << ran.out << ran.err;
  EXPECT_TRUE(committed_lines(output) == golden_lines(kData, golden.lines));
  EXPECT_EQ(this->job("golden").at("restarts"), 0);
  EXPECT_NE(read_file(cluster_dir() + "/coordinator.log").find(", keys " + cluster_dir()),
            std::string::npos);
}

TEST_F(ClusterSecurity, ClientsAskAndNobodyElseDoes) {
  const std::string keys = dir_ / "keys";
  ASSERT_EQ(weir({"keys", "init", "--dir", keys}).code, 0);
  ASSERT_EQ(weir({"keys", "add", "ann", "--dir", keys}).code, 0);
  Ran ran = weir({"keys", "init", "--dir", keys});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("they stay as they are"), std::string::npos) << ran.err;
  up({"--workers", "1", "-D", "security.keys=" + keys});
  // None at all: there is no folder where they are looked for.
  ran = weir({"list"});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("it wants keys, and there are none on this side"), std::string::npos)
      << ran.err;
  const std::string ann = "security.keys=" + keys + "/clients/ann";
  ran = weir({"list", "-D", ann});
  EXPECT_EQ(ran.code, 0) << ran.err;
  // A client's keys make no daemon.
  ran = weir({"supervisor", "--name", "east", "-m", address(), "-D", ann});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("are a client's"), std::string::npos) << ran.err;
  // Keys of another cluster.
  ASSERT_EQ(weir({"keys", "init", "--dir", dir_ / "other"}).code, 0);
  ran = weir({"list", "-D", "security.keys=" + (dir_ / "other")});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("its key is not the one that this side knows"), std::string::npos)
      << ran.err;
  // Off the list.
  std::ofstream(keys + "/allowed") << "";
  ran = weir({"list", "-D", ann});
  EXPECT_EQ(ran.code, 3);
  EXPECT_NE(ran.err.find("it does not know the key of this side"), std::string::npos) << ran.err;
  ran = weir({"list", "-D", "security.keys=" + (dir_ / "nowhere")});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("weir keys init --dir " + (dir_ / "nowhere")), std::string::npos)
      << ran.err;
  EXPECT_EQ(weir({"down", "-D", "security.keys=" + keys}).code, 0);
}

TEST_F(ClusterSecurity, BeyondLoopbackNobodyListensWithoutKeys) {
  for (const char* address : {"0.0.0.0", "10.1.2.3"}) {
    Ran ran =
        weir({"coordinator", "--port", "0", "-D", std::string("coordinator.listen=") + address});
    EXPECT_EQ(ran.code, 2);
    EXPECT_NE(ran.err.find("there are no keys yet\n  make them with: weir keys init"),
              std::string::npos)
        << ran.err;
    ran = weir(
        {"supervisor", "-m", "127.0.0.1:9", "-D", std::string("supervisor.listen=") + address});
    EXPECT_EQ(ran.code, 2) << ran.err;
  }
}

// What strangers say to a cluster at work: it costs the coordinator little, and the job nothing.
TEST_F(ClusterSecurity, StrangersCostLittleAndDisturbNoJob) {
  ASSERT_EQ(weir({"keys", "init"}).code, 0);
  up({"--workers", "2", "--slots", "1"});
  weir({"submit", bin("flights"), "-p", "2", "--", "--max-rate=4000", "--output", dir_ / "out",
        "--input", kSample, "--checkpoint-interval=100ms"});
  wait_until("a checkpoint",
             [&] { return job("flights").at("checkpoints").at("last").get<int>() >= 1; });
  const std::string at = address();
  const auto port = static_cast<std::uint16_t>(std::stoul(at.substr(at.find(':') + 1)));
  const int coordinator = weir_json({"list"}).at("cluster").at("pid");
  const std::size_t before = resident_bytes(coordinator);
  std::vector<std::unique_ptr<RawClient>> strangers;
  std::mt19937_64 rng(17);
  for (std::size_t i = 0; i < 240; ++i) {
    strangers.push_back(std::make_unique<RawClient>(port));
    ASSERT_TRUE(strangers.back()->is_connected());
    strangers.back()->write(hostile_bytes(i, rng));
  }
  Stranger without_keys(runtime::zmq_transport(), "s:east", at);
  for (int i = 0; i < 10; ++i) without_keys.say(coordinator::wire::ShutdownT{});
  wait_until("it is refused", [&] { return without_keys.refusals() > 0; });
  wait_for_state("flights", "finished");
  EXPECT_LT(resident_bytes(coordinator), before + (std::size_t{16} << 20));
  EXPECT_EQ(without_keys.answers(), 0);
  const nlohmann::json info = job("flights");
  EXPECT_EQ(info.at("restarts"), 0) << info;
  EXPECT_EQ(weir_json({"list"}).at("cluster").at("supervisors").size(), 2U);
}

TEST_F(ClusterSecurity, NamesFromTheNetworkNeverBecomePaths) {
  ASSERT_EQ(weir({"keys", "init"}).code, 0);
  up({"--workers", "1", "--slots", "1"});
  const auto keys = coordinator::open_transport(cluster_dir() + "/keys");
  ASSERT_TRUE(keys.ok());
  const std::string evil = "../../../evil";
  namespace wire = coordinator::wire;
  Stranger client(keys->get(), "c:evil", address());
  wire::SubmitT submit;
  submit.name = evil;
  submit.program_sha256 = evil;
  submit.program_name = evil;
  client.say(std::move(submit));
  wire::UploadProgramT upload;
  upload.sha256 = evil;
  upload.total = 4;
  upload.bytes = {'e', 'v', 'i', 'l'};
  client.say(std::move(upload));
  wire::FetchProgramT fetch;
  fetch.sha256 = "../cluster.json";
  client.say(std::move(fetch));
  wire::GetLogT log;
  log.job = evil;
  log.worker = evil;
  client.say(std::move(log));
  wire::GetEventsT events;
  events.job = evil;
  client.say(std::move(events));
  Stranger supervisor(keys->get(), "s:" + evil, address());
  wire::SupervisorHelloT hello;
  hello.supervisor = evil;
  hello.host = evil;
  hello.slots = 1;
  supervisor.say(std::move(hello));
  Stranger worker(keys->get(), "w:" + evil, address());
  wire::WorkerHelloT at_work;
  at_work.job = evil;
  at_work.worker = evil;
  worker.say(std::move(at_work));
  wait_until("all are answered", [&] {
    return client.answers() == 5 && supervisor.answers() > 0 && worker.answers() > 0;
  });
  for (const std::string& path : paths()) EXPECT_EQ(path.find("evil"), std::string::npos) << path;
  EXPECT_EQ(weir_json({"list"}).at("cluster").at("supervisors").size(), 1U);
}

}  // namespace
}  // namespace weir::tests
