#include "runtime/src/persistence_steps.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include "support/temp_dir.h"
#include "weir/runtime/storage.h"

namespace weir::runtime {
namespace {

void pass(const std::string& crash_at, const std::string& trace, int times) {
  ::setenv("WEIR_CRASH_AT", crash_at.c_str(), 1);
  ::setenv("WEIR_TRACE_STEPS", trace.c_str(), 1);
  PersistenceSteps steps;
  for (int i = 0; i < times; ++i) {
    steps.pass("file.sync");
    steps.pass("manifest.rename");
  }
  ::unsetenv("WEIR_CRASH_AT");
  ::unsetenv("WEIR_TRACE_STEPS");
}

TEST(PersistenceSteps, EndTheProcessAtTheNamedStep) {
  tests::TempDir dir;
  EXPECT_EXIT(pass("manifest.rename:3", dir / "trace", 5), testing::KilledBySignal(SIGKILL), "");
  EXPECT_EQ(local_storage().read(dir / "trace").value(),
            "file.sync\nmanifest.rename\nfile.sync\nmanifest.rename\nfile.sync\nmanifest.rename\n");
}

TEST(PersistenceSteps, GoOnWhenTheNamedStepIsNotReached) {
  pass("manifest.rename:6", "", 5);
  pass("manifest:1", "", 5);
  pass("", "", 5);
}

TEST(PersistenceSteps, AppendToATraceThatExists) {
  tests::TempDir dir;
  pass("", dir / "trace", 1);
  pass("", dir / "trace", 1);
  EXPECT_EQ(local_storage().read(dir / "trace").value(),
            "file.sync\nmanifest.rename\nfile.sync\nmanifest.rename\n");
}

}  // namespace
}  // namespace weir::runtime
