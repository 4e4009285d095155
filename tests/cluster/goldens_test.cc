// The golden topologies on clusters of real processes: byte for byte, on one, two and three
// workers.
#include "cluster/weir_command.h"
#include "support/committed_lines.h"
#include "support/golden_topologies.h"

namespace weir::tests {
namespace {

struct Setting {
  int workers;
  int slots;
  int parallelism;
};

class GoldensOnACluster : public WeirCommand, public testing::WithParamInterface<Setting> {
 protected:
  // The words of `weir run` or `weir submit` for a golden topology.
  std::vector<std::string> job_of(const std::string& verb, const Golden& golden,
                                  const std::string& output) {
    const std::string name(golden.name);
    return {verb,     bin("golden_job"),
            "--name", name,
            "-p",     std::to_string(GetParam().parallelism),
            "--",     "--which",
            name,     "--data",
            kData,    "--output",
            output,   "--checkpoint-interval",
            "200ms"};
  }
  void expect_golden(const Golden& golden, const std::string& output) {
    EXPECT_TRUE(committed_lines(output) == golden_lines(kData, golden.lines)) << golden.name;
    EXPECT_TRUE(committed_lines(output + "/side") == golden_lines(kData, golden.side_lines))
        << golden.name;
  }
};

TEST_P(GoldensOnACluster, ComeOutByteForByte) {
  up({"--workers", std::to_string(GetParam().workers), "--slots",
      std::to_string(GetParam().slots)});
  for (const Golden& golden : kGoldens) {
    const std::string output = dir_ / std::string(golden.name);
    const Ran ran = weir(job_of("run", golden, output));
    ASSERT_EQ(ran.code, 0) << ran.out << ran.err;
    expect_golden(golden, output);
  }
}

INSTANTIATE_TEST_SUITE_P(Workers, GoldensOnACluster,
                         testing::Values(Setting{1, 2, 2}, Setting{2, 1, 2}, Setting{3, 2, 5}),
                         [](const auto& p) { return std::to_string(p.param.workers); });

}  // namespace
}  // namespace weir::tests
