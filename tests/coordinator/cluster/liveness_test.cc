#include "coordinator/src/cluster/liveness.h"

#include <gtest/gtest.h>

namespace weir::coordinator {
namespace {

using namespace std::chrono_literals;
using runtime::MonotonicTime;

constexpr Lease::Options kOptions = {.suspect_after = 3s, .dead_after = 10s};

TEST(Lease, GoesFromAliveOverSuspectToDead) {
  Lease lease(kOptions, 100s);
  EXPECT_EQ(lease.judge(102'999ms), Liveness::kAlive);
  EXPECT_EQ(lease.next_change(100s), MonotonicTime(103s));
  EXPECT_EQ(lease.judge(103s), Liveness::kSuspect);
  EXPECT_EQ(lease.next_change(103s), MonotonicTime(110s));
  lease.renew(104s);
  EXPECT_EQ(lease.judge(105s), Liveness::kAlive);
  EXPECT_EQ(lease.judge(113'999ms), Liveness::kSuspect);
  EXPECT_EQ(lease.judge(114s), Liveness::kDead);
}

TEST(Lease, TheDeadStayDead) {
  Lease lease(kOptions, 0s);
  EXPECT_EQ(lease.judge(10s), Liveness::kDead);
  lease.renew(11s);
  EXPECT_EQ(lease.judge(11s), Liveness::kDead);
  EXPECT_EQ(lease.next_change(11s), MonotonicTime::max());
}

TEST(Lease, IsNeverShortenedByAnOldRenewal) {
  Lease lease(kOptions, 50s);
  lease.renew(40s);
  EXPECT_EQ(lease.judge(59s), Liveness::kSuspect);
}

TEST(Lease, ForgivesWhatTheJudgeHasSlept) {
  Lease lease(kOptions, 0s);
  lease.forgive(20s);
  EXPECT_EQ(lease.judge(22s), Liveness::kAlive);
  EXPECT_EQ(lease.judge(30s), Liveness::kDead);
}

}  // namespace
}  // namespace weir::coordinator
