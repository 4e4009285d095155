// weir up and weir down: whole clusters, their folders and ports, and what becomes of processes.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "cluster/weir_command.h"

namespace weir::tests {
namespace {

// Somebody else who listens at a port.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(fd_, 1), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ::ntohs(address.sin_port);
  }
  ~Listener() { ::close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  std::string port() const { return std::to_string(port_); }

 private:
  const int fd_;
  std::uint16_t port_ = 0;
};

class LocalClusters : public WeirCommand {};

TEST_F(LocalClusters, AreReadyWhenUpReturnsAndLeaveNothingBehind) {
  const runtime::MonotonicTime start = runtime::system_clock().now();
  const Ran ran = weir({"up", "--port", "0", "--workers", "3", "--slots", "2"});
  ASSERT_EQ(ran.code, 0) << ran.err;
  EXPECT_LT(runtime::system_clock().now() - start, std::chrono::seconds(10));
  EXPECT_NE(ran.out.find("The cluster is ready after "), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("3 supervisors with 2 slots each"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("weir down"), std::string::npos) << ran.out;
  EXPECT_EQ(processes_of_test().size(), 4U);
  const nlohmann::json cluster = weir_json({"list"}).at("cluster");
  ASSERT_EQ(cluster.at("supervisors").size(), 3U);
  for (const auto& supervisor : cluster.at("supervisors")) {
    EXPECT_EQ(supervisor.at("is_alive"), true);
    EXPECT_EQ(supervisor.at("free_slots"), 2);
  }
  const Ran down = weir({"down"});
  EXPECT_EQ(down.code, 0) << down.err;
  EXPECT_EQ(down.out, "The cluster in " + cluster_dir() + " has ended.\n");
  EXPECT_TRUE(processes_of_test().empty());
  EXPECT_EQ(weir({"list"}).code, 3);
}

TEST_F(LocalClusters, RefuseAFolderInUseAndAPortThatIsTaken) {
  up();
  Ran ran = weir({"up", "--port", "0"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("a cluster runs in " + cluster_dir() + " already: coordinator is process"),
            std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("weir down --dir " + cluster_dir()), std::string::npos) << ran.err;
  const Listener other;
  ran = weir({"up", "--port", other.port(), "--dir", dir_ / "second"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("port " + other.port() + " is taken by process " +
                         std::to_string(::getpid()) + " ("),
            std::string::npos)
      << ran.err;
  EXPECT_FALSE(std::filesystem::exists(dir_ / "second/local.json"));
  ran = weir({"coordinator", "--port", "0"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("locked by a running process"), std::string::npos) << ran.err;
  ran = weir({"coordinator", "--dir", dir_ / "third", "-D", "coordinator.listen=0.0.0.0"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("there are no keys yet"), std::string::npos) << ran.err;
}

TEST_F(LocalClusters, SayWhyTheyDoNotStart) {
  // A file where the coordinator wants its folder.
  std::filesystem::create_directories(cluster_dir());
  std::ofstream(cluster_dir() + "/programs") << "in the way";
  const Ran ran = weir({"up", "--port", "0"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("the coordinator has ended; the end of " + cluster_dir()),
            std::string::npos)
      << ran.err;
  EXPECT_NE(ran.err.find("a file stands where a folder is needed"), std::string::npos) << ran.err;
  EXPECT_TRUE(processes_of_test().empty());
}

TEST_F(LocalClusters, DownEndsWhatIsLeftOfABrokenCluster) {
  up({"--workers", "2", "--slots", "1"});
  const nlohmann::json submitted =
      weir_json({"submit", bin("flights"), "-p", "2", "--", "--max-rate=100", "--output",
                 dir_ / "out", "--input", kSample});
  ASSERT_TRUE(submitted.is_object());
  wait_for_state("flights", "running");
  const nlohmann::json cluster = weir_json({"list"}).at("cluster");
  // The coordinator, and one supervisor, whose worker goes on.
  ::kill(cluster.at("pid").get<int>(), SIGKILL);
  ::kill(cluster.at("supervisors")[0].at("pid").get<int>(), SIGKILL);
  const Ran down = weir({"down"});
  EXPECT_EQ(down.code, 0) << down.err;
  EXPECT_NE(down.out.find("had to be killed"), std::string::npos) << down.out;
  EXPECT_TRUE(processes_of_test().empty());
}

TEST_F(LocalClusters, DownKillsNobodyElseWhoHasThePid) {
  up({"--workers", "1"});
  const std::string local = cluster_dir() + "/local.json";
  nlohmann::json record = nlohmann::json::parse(read_file(local));
  EXPECT_EQ(weir({"down"}).code, 0);
  // The kernel has given the pid away again: here, to this test.
  record["daemons"][0]["pid"] = ::getpid();
  std::ofstream(local) << record.dump();
  EXPECT_EQ(weir({"down"}).out, "No cluster runs in " + cluster_dir() + ".\n");
}

}  // namespace
}  // namespace weir::tests
