// A topology built from the words of the DSL at random, from a seed, over records in memory.
//
// It keeps account of what is determined about a stream, and uses a word only where its result is:
// so the output is one, in every order of execution and at every parallelism.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "weir/operators/dsl.h"

namespace weir::tests {

struct Item {
  std::int64_t origin = 0;  // partition
  std::int64_t key = 0;
  std::int64_t value = 0;
  EventTime time;
};
WEIR_RECORD(Item, origin, key, value, time);
using Items = Stream<Item, true>;

// The stream's records and the time and lateness of each are determined / so is the order of those
// of one origin / none is late, not even for a timer.
struct StreamFacts {
  bool exact = true;
  bool ordered = true;
  bool on_time = true;
};
struct RandomBranch {
  Items stream;
  StreamFacts facts;
};

// Where the records of a stream end up; the name is that of the sink.
using SinkMaker = std::function<void(Items, const std::string& name)>;

class RandomTopology {
 public:
  // `at_poll` is called before each poll of a spout.
  RandomTopology(std::uint64_t seed, SinkMaker sink, std::function<void()> at_poll = nullptr)
      : random_(seed), sink_(std::move(sink)), at_poll_(std::move(at_poll)) {}

  void build(Topology& t);

 private:
  std::string name(const char* kind) { return kind + std::to_string(++names_); }
  RandomBranch spout(Topology& t, std::size_t number);
  void add_word(Topology& t);
  void add_split(RandomBranch& b);
  void add_merge(std::size_t at);
  void add_regrouping(RandomBranch& b);
  void add_running(RandomBranch& b);
  void add_ordered_fold(RandomBranch& b);
  void add_buckets(RandomBranch& b);
  void add_window(Topology& t, RandomBranch& b);

  std::mt19937_64 random_;
  SinkMaker sink_;
  std::function<void()> at_poll_;
  std::vector<RandomBranch> branches_;
  int names_ = 0;
};

}  // namespace weir::tests
