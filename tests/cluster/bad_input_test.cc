// Programs, peers and limits that do not fit, as people meet them.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <fstream>

#include "cluster/weir_command.h"
#include "control/control_message.h"
#include "control/plan_spec.h"
#include "support/sanitizers.h"

namespace weir::tests {
namespace {

using coordinator::wire::MessageT;

// An executable file that prints `text`, whatever it is asked.
void write_printer(const std::string& path, const std::string& text) {
  std::ofstream(path + ".text", std::ios::binary) << text;
  std::ofstream(path) << "#!/bin/sh\nexec cat " << path << ".text\n";
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

// A connection that says nothing.
class Connection {
 public:
  explicit Connection(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    address.sin_port = ::htons(static_cast<std::uint16_t>(port));
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

 private:
  const int fd_;
};

class BadInput : public WeirCommand {
 protected:
  // A program of ours, which may have so many files open.
  std::unique_ptr<Command> with_descriptors(int most, std::vector<std::string> words) {
    words[0] = bin(words[0]);
    words.insert(words.begin(), {"/usr/bin/prlimit", "--nofile=" + std::to_string(most)});
    return std::make_unique<Command>(words, variables_, dir_ / "limited", dir_.path());
  }
};

TEST_F(BadInput, AProgramOfAnotherVersionIsRefused) {
  up({"--workers", "1"});
  const std::vector<std::string> words = {bin("flights"), "--print=wire-plan", "--input",
                                          kSample,        "--output",          dir_ / "out"};
  const Ran printed = Command(words, {}, dir_ / "plan", dir_.path()).wait();
  auto spec = coordinator::decode_plan_spec(printed.out);
  ASSERT_TRUE(spec.ok()) << spec.status();
  write_printer(dir_ / "same", coordinator::encode_plan_spec(*spec));
  EXPECT_EQ(weir({"submit", dir_ / "same", "--name", "x"}).code, 0);
  // As a worker it prints its plan and ends; what it has printed is shown, though it is no text.
  wait_until("it has ended", [&] { return job("x").value("restarts", 0) > 0; });
  EXPECT_NE(job("x").at("last_failure").get<std::string>().find("csv_files"), std::string::npos);
  spec->protocol = coordinator::kControlProtocol + 1;
  write_printer(dir_ / "newer", coordinator::encode_plan_spec(*spec));
  Ran ran = weir({"submit", dir_ / "newer"});
  EXPECT_NE(ran.code, 0);
  EXPECT_NE(ran.err.find("the program was built for control protocol 2, this is protocol 1; build "
                         "it with the version of Weir that the cluster runs"),
            std::string::npos)
      << ran.err;
  spec->protocol = coordinator::kControlProtocol;
  spec->machine = "riscv64";
  write_printer(dir_ / "foreign", coordinator::encode_plan_spec(*spec));
  ran = weir({"submit", dir_ / "foreign"});
  EXPECT_NE(ran.code, 0);
  EXPECT_NE(ran.err.find("the program was built for riscv64 machines"), std::string::npos)
      << ran.err;
  EXPECT_EQ(weir_json({"list"}).at("jobs").size(), 1u);
}

TEST_F(BadInput, AProgramForAnotherMachineIsNamedAsSuch) {
  std::string elf = read_file(bin("weir")).substr(0, 4096);
  elf[18] = static_cast<char>(0xf3);  // e_machine: RISC-V
  elf[19] = 0;
  std::ofstream(dir_ / "riscv", std::ios::binary) << elf;
  std::filesystem::permissions(dir_ / "riscv", std::filesystem::perms::owner_all);
  up({"--workers", "1"});
  const Ran ran = weir({"submit", dir_ / "riscv"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("riscv cannot be run on this machine: Exec format error; build it for"),
            std::string::npos)
      << ran.err;
}

// A coordinator of a version that does not exist yet.
class NewCoordinator : public runtime::MessageHandler {
 public:
  NewCoordinator() {
    auto endpoint = runtime::zmq_transport().open(
        {.name = "coordinator", .listen = "tcp://127.0.0.1:0"}, *this);
    EXPECT_TRUE(endpoint.ok()) << endpoint.status();
    endpoint_ = *std::move(endpoint);
  }
  ~NewCoordinator() override { endpoint_.reset(); }
  void on_message(std::string_view peer, std::string_view, std::string_view) override {
    MessageT answer;
    answer.protocol = coordinator::kControlProtocol + 1;
    answer.request = 1;
    answer.body.Set(coordinator::wire::DoneT{});
    flatbuffers::FlatBufferBuilder builder;
    coordinator::wire::FinishMessageBuffer(builder,
                                           coordinator::wire::Message::Pack(builder, &answer));
    endpoint_->send(peer, {std::string(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                                       builder.GetSize()),
                           {}});
  }
  std::string address() const { return endpoint_->address().substr(6); }

 private:
  std::unique_ptr<runtime::Endpoint> endpoint_;
};

TEST_F(BadInput, ACoordinatorOfAnotherVersionIsNamedAsSuch) {
  const NewCoordinator coordinator;
  const Ran ran = weir({"list", "-m", coordinator.address()});
  EXPECT_NE(ran.code, 0);
  EXPECT_NE(ran.err.find("the peer speaks control protocol 2, this program protocol 1; build both "
                         "with the same version of Weir"),
            std::string::npos)
      << ran.err;
}

TEST_F(BadInput, TooFewDescriptorsAreRefusedWithWhatToDo) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"weir", "coordinator", "--port", "0"},
           {"weir", "supervisor", "--name", "s", "-m", "127.0.0.1:9"},
           {"weir", "list", "-m", "127.0.0.1:9"},
           {"weir", "up", "--port", "0"}}) {
    for (const int most : {12, 63}) {
      const Ran ran = with_descriptors(most, words)->wait();
      EXPECT_EQ(ran.code, 1) << words[1];
      EXPECT_NE(ran.err.find("files open, which is too few; allow at least 64"), std::string::npos)
          << words[1] << " with " << most << " descriptors\n"
          << ran.err;
    }
  }
}

TEST_F(BadInput, AProgramThatRunsOutOfDescriptorsSaysSoAndGoesOnWithMore) {
  if (tests::kSanitizer) GTEST_SKIP() << "a sanitizer needs descriptors to look at memory";
  const std::vector<std::string> words = {
      "flights",      "--input",         kSample,   "--output",      dir_ / "out", "--state-dir",
      dir_ / "state", "--state-backend", "rocksdb", "--parallelism", "8",          "--quiet"};
  const Ran failed = with_descriptors(64, words)->wait();
  EXPECT_EQ(failed.code, 1);
  EXPECT_NE(failed.err.find("Too many open files"), std::string::npos) << failed.err;
  const Ran again = with_descriptors(1024, words)->wait();
  EXPECT_EQ(again.code, 0) << again.err;
}

TEST_F(BadInput, ACoordinatorThatRunsOutOfDescriptorsComesBack) {
  const auto coordinator = with_descriptors(64, {"weir", "coordinator", "--port", "0"});
  wait_until("it listens",
             [&] { return std::filesystem::exists(cluster_dir() + "/cluster.json"); });
  const std::string address =
      nlohmann::json::parse(read_file(cluster_dir() + "/cluster.json")).at("address");
  const int port = std::stoi(address.substr(address.rfind(':') + 1));
  {
    std::vector<std::unique_ptr<Connection>> crowd;
    for (int i = 0; i < 100; ++i) crowd.push_back(std::make_unique<Connection>(port));
    wait_until("it has no descriptor left", [&] {
      const std::filesystem::directory_iterator open("/proc/" + std::to_string(coordinator->pid()) +
                                                     "/fd");
      return std::distance(begin(open), end(open)) >= 63;
    });
  }
  wait_until("it answers again", [&] { return weir({"list", "-m", address}).code == 0; });
  coordinator->send(SIGTERM);
  EXPECT_EQ(coordinator->wait().code, 0);
}

}  // namespace
}  // namespace weir::tests
