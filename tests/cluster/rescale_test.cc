// A job that is moved from one parallelism to another while it runs, through savepoints and by
// rescale: its output is that of an undisturbed run, line by line.
//
// WEIR_RESCALE_RUNS=N moves jobs N times (scripts/chaos rescale), with a busy thread per core
// beside them; WEIR_RESCALE_SEED chooses when.
#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "client.h"
#include "cluster/rescale_job.h"
#include "watch_job.h"

namespace weir::tests {
namespace {

const std::string kRecords = "--records=20000";
constexpr std::uint64_t kMostRecordsPerStage = 2'500;

namespace wire = coordinator::wire;

// Threads that want the processors for themselves.
class Contention {
 public:
  explicit Contention(unsigned threads) {
    for (unsigned i = 0; i < threads; ++i) {
      threads_.emplace_back([this] {
        while (!is_over_.load(std::memory_order_relaxed)) {
        }
      });
    }
  }
  ~Contention() {
    is_over_ = true;
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> is_over_{false};
  std::vector<std::thread> threads_;
};

enum class Way { kSavepoint, kRescale };

class RescaleMatrix : public RescaleJob, public testing::WithParamInterface<Way> {
 protected:
  static constexpr int kSlots = 7;
  // Every pair of neighbours is a move of the matrix.
  static const std::vector<std::vector<int>>& journeys() {
    static const std::vector<std::vector<int>> all = {{1, 2, 4, 2}, {3, 5, 3}, {7, 2}};
    return all;
  }
  // Asks by itself: a process for each look would be most of the work.
  void connect() {
    const nlohmann::json cluster =
        nlohmann::json::parse(read_file(cluster_dir() + "/cluster.json"));
    client_ = *coordinator::Client::open(runtime::zmq_transport(), cluster.at("address"));
  }
  wire::JobInfoT look(const std::string& name) {
    absl::StatusOr<wire::JobInfoT> info = coordinator::get_job(*client_, name);
    // A machine under load may stand still for longer than a client waits.
    for (int i = 0; i < 20 && absl::IsUnavailable(info.status()); ++i) {
      info = coordinator::get_job(*client_, name);
    }
    EXPECT_TRUE(info.ok()) << info.status();
    return info.ok() ? *std::move(info) : wire::JobInfoT{};
  }
  bool has_finished(const std::string& name) {
    return look(name).state == wire::JobState::Finished;
  }
  // At a moment that differs from run to run, when there is something to be lost; not if the job
  // has finished before.
  bool is_under_way(const std::string& name) {
    const auto least = static_cast<std::int64_t>(1 + random_() % kMostRecordsPerStage);
    wire::JobState state = wire::JobState::Waiting;
    wait_until("records are read", [&] {
      const wire::JobInfoT info = look(name);
      state = info.state;
      return state == wire::JobState::Finished ||
             (state == wire::JobState::Running && info.records_read >= least);
    });
    return state == wire::JobState::Running;
  }
  bool move(const std::string& name, int to, std::size_t number) {
    const auto savepoint = [&](std::size_t n) {
      return dir_ / (name + "-savepoint-" + std::to_string(n));
    };
    const bool by_rescale = GetParam() == Way::kRescale;
    Ran ran = by_rescale ? weir({"rescale", name, "-p", std::to_string(to)})
                         : weir({"stop", name, "--savepoint", savepoint(number)});
    if (has_finished(name)) return false;  // it was faster
    EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
    if (by_rescale) {
      wait_until(name + " has stopped", [&] {
        const wire::JobState state = look(name).state;
        return state != wire::JobState::Stopping && state != wire::JobState::Restarting;
      });
      return ran.code == 0 && !has_finished(name);  // its tasks had ended already
    }
    ran =
        weir(words("submit", name, {"-p", std::to_string(to), "--from", savepoint(number)}, job_));
    EXPECT_EQ(ran.code, 0) << ran.out << ran.err;
    std::filesystem::remove_all(savepoint(number - 1));
    return ran.code == 0;
  }
  // One journey; the number of moves.
  std::size_t travel(const std::string& name, const std::vector<int>& stops,
                     const std::vector<std::string>& want) {
    submit(name, {"-p", std::to_string(stops[0])}, job_);
    std::size_t moves = 0;
    while (moves + 1 < stops.size() && !HasFailure() && is_under_way(name)) {
      if (!move(name, stops[moves + 1], moves + 1)) break;
      ++moves;
    }
    if (HasFailure()) return moves;
    wait_until(name + " has finished", [&] { return has_finished(name); });
    EXPECT_EQ(look(name).parallelism, stops[moves]);
    EXPECT_TRUE(committed_by(name) == want) << name << ", seed " << seed_;
    std::filesystem::remove_all(dir_ / name);
    return moves;
  }

  std::vector<std::string> job_;  // its arguments
  const std::uint64_t seed_ = number_from_environment("WEIR_RESCALE_SEED", 1);
  std::unique_ptr<coordinator::Client> client_;
  std::mt19937_64 random_{seed_ + static_cast<std::uint64_t>(GetParam())};
};

TEST_P(RescaleMatrix, OutputIsThatOfAnUndisturbedRun) {
  const std::uint64_t runs = number_from_environment("WEIR_RESCALE_RUNS", 0);
  const std::vector<std::string> want = expected({kRecords});
  ASSERT_GT(want.size(), 1'000u);
  up({"--workers", "2", "--slots", std::to_string(kSlots)});
  connect();
  std::optional<Contention> contention;
  if (runs != 0) contention.emplace(std::thread::hardware_concurrency());
  std::uint64_t moves = 0;
  std::set<std::size_t> completed;  // journeys to whose end a job has come
  int rate = 6'000;                 // records per second
  for (int round = 1; moves < runs || completed.size() < journeys().size(); ++round) {
    ASSERT_TRUE(runs != 0 || round <= 5) << "jobs finish before they can be moved";
    for (std::size_t i = 0; i < journeys().size(); ++i) {
      if (runs == 0 && completed.count(i) != 0) continue;
      const bool on_disk = (i + static_cast<std::size_t>(round)) % 2 == 0;
      job_ = {kRecords, "--max-rate=" + std::to_string(rate),
              std::string("--state-backend=") + (on_disk ? "rocksdb" : "memory")};
      const std::string name = "job" + std::to_string(round) + "-" + std::to_string(i);
      const std::size_t made = travel(name, journeys()[i], want);
      ASSERT_FALSE(HasFailure()) << name << " after " << moves << " moves";
      moves += made;
      if (made + 1 == journeys()[i].size()) completed.insert(i);
    }
    if (runs == 0) {
      rate /= 2;  // jobs that had finished before they were moved take longer the next time
      continue;
    }
    std::printf("%llu moves\n", static_cast<unsigned long long>(moves));
    std::fflush(stdout);
  }
}

INSTANTIATE_TEST_SUITE_P(By, RescaleMatrix, testing::Values(Way::kSavepoint, Way::kRescale),
                         [](const auto& p) {
                           return p.param == Way::kSavepoint ? "savepoint" : "rescale";
                         });

}  // namespace
}  // namespace weir::tests
