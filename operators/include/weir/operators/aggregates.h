// Aggregates: count, sum, min, max, mean, top_k, count_distinct, and those that users write.
//
// An aggregate is used in two steps, so that only what it needs travels between tasks:
//   project(record) -> Value;  add(Acc&, Value);  merge(Acc&, Acc);  result(Acc)
// Its traits decide how windows are assembled: one that can be merged is pre-aggregated before an
// exchange and in slices; one that can be subtracted as well slides by adding and subtracting
// slices.
//
// A user-written one (records of type T):
//   struct Range {
//     struct Acc { std::int64_t lo = INT64_MAX, hi = INT64_MIN; };   // with a Codec (WEIR_RECORD)
//     static constexpr bool kAssociative = true;    // merge() exists; order does not matter
//     static constexpr bool kInvertible = false;    // subtract() exists and is exact
//     void add(Acc& a, const T& record) const;
//     void merge(Acc& a, const Acc& b) const;
//     std::int64_t result(const Acc& a) const;
//   };
#pragma once

#include <algorithm>
#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "weir/runtime/codec.h"

namespace weir::operators {

// The value of an aggregate that looks at no field.
struct Nothing {
  friend bool operator==(Nothing, Nothing) = default;
};

// The number of records.
struct Count {
  template <class V>
  using Acc = std::uint64_t;
  template <class V>
  static constexpr bool kInvertible = true;
  static constexpr bool kAssociative = true;

  template <class T>
  Nothing project(const T&) const {
    return {};
  }
  void add(std::uint64_t& a, Nothing) const { ++a; }
  void merge(std::uint64_t& a, std::uint64_t b) const { a += b; }
  void subtract(std::uint64_t& a, std::uint64_t b) const { a -= b; }
  std::uint64_t result(std::uint64_t a) const { return a; }
};

template <class V>
using Widened =
    std::conditional_t<std::is_floating_point_v<V>, double,
                       std::conditional_t<std::is_signed_v<V>, std::int64_t, std::uint64_t>>;

// The sum of a number: integers in 64 bits (wrapping), floating point as double.
template <class F>
struct Sum {
  F field;
  template <class V>
  using Acc = Widened<V>;
  template <class V>
  static constexpr bool kInvertible = std::is_integral_v<V>;  // doubles would keep rounding errors
  static constexpr bool kAssociative = true;

  template <class T>
  auto project(const T& record) const {
    return std::invoke(field, record);
  }
  template <class A, class V>
  void add(A& a, const V& v) const {
    a += static_cast<A>(v);
  }
  template <class A>
  void merge(A& a, const A& b) const {
    a += b;
  }
  template <class A>
  void subtract(A& a, const A& b) const {
    a -= b;
  }
  template <class A>
  A result(const A& a) const {
    return a;
  }
};

// The smallest or largest value of a field, by <.
template <class F, bool kLargest>
struct ExtremeOf {
  F field;
  template <class V>
  using Acc = std::pair<bool, V>;  // whether there is one, and which
  template <class V>
  static constexpr bool kInvertible = false;
  static constexpr bool kAssociative = true;

  template <class T>
  auto project(const T& record) const {
    return std::remove_cvref_t<std::invoke_result_t<const F&, const T&>>(
        std::invoke(field, record));
  }
  template <class V>
  void add(std::pair<bool, V>& a, const V& v) const {
    if (!a.first || (kLargest ? a.second < v : v < a.second)) a = {true, v};
  }
  template <class V>
  void merge(std::pair<bool, V>& a, const std::pair<bool, V>& b) const {
    if (b.first) add(a, b.second);
  }
  template <class V>
  V result(const std::pair<bool, V>& a) const {
    return a.second;
  }
};

// The arithmetic mean of a number, as double; exact sum and count until the end.
template <class F>
struct Mean {
  F field;
  template <class V>
  using Acc = std::pair<Widened<V>, std::uint64_t>;
  template <class V>
  static constexpr bool kInvertible = std::is_integral_v<V>;
  static constexpr bool kAssociative = true;

  template <class T>
  auto project(const T& record) const {
    return std::invoke(field, record);
  }
  template <class A, class V>
  void add(A& a, const V& v) const {
    a.first += static_cast<typename A::first_type>(v);
    ++a.second;
  }
  template <class A>
  void merge(A& a, const A& b) const {
    a.first += b.first;
    a.second += b.second;
  }
  template <class A>
  void subtract(A& a, const A& b) const {
    a.first -= b.first;
    a.second -= b.second;
  }
  template <class A>
  double result(const A& a) const {
    return a.second == 0 ? 0.0 : static_cast<double>(a.first) / static_cast<double>(a.second);
  }
};

// The k largest records by `before` (a strict total order; ties must be broken by it), best first.
template <class Before>
struct TopK {
  std::size_t k;
  Before before;
  template <class V>
  using Acc = std::vector<V>;
  template <class V>
  static constexpr bool kInvertible = false;
  static constexpr bool kAssociative = true;

  template <class T>
  const T& project(const T& record) const {
    return record;
  }
  template <class V>
  void add(std::vector<V>& a, const V& v) const {
    if (a.size() == k && !before(v, a.back())) return;
    a.insert(std::upper_bound(a.begin(), a.end(), v, before), v);
    if (a.size() > k) a.pop_back();
  }
  template <class V>
  void merge(std::vector<V>& a, const std::vector<V>& b) const {
    for (const V& v : b) add(a, v);
  }
  template <class V>
  const std::vector<V>& result(const std::vector<V>& a) const {
    return a;
  }
};

// The number of distinct values of a field, exact; memory grows with it. Values are counted, so
// that slices can be taken away again.
template <class F>
struct CountDistinct {
  F field;
  template <class V>
  using Acc = std::map<V, std::uint64_t>;
  template <class V>
  static constexpr bool kInvertible = true;
  static constexpr bool kAssociative = true;

  template <class T>
  auto project(const T& record) const {
    return std::remove_cvref_t<std::invoke_result_t<const F&, const T&>>(
        std::invoke(field, record));
  }
  template <class V>
  void add(std::map<V, std::uint64_t>& a, const V& v) const {
    ++a[v];
  }
  template <class V>
  void merge(std::map<V, std::uint64_t>& a, const std::map<V, std::uint64_t>& b) const {
    for (const auto& [v, n] : b) a[v] += n;
  }
  template <class V>
  void subtract(std::map<V, std::uint64_t>& a, const std::map<V, std::uint64_t>& b) const {
    for (const auto& [v, n] : b) {
      const auto it = a.find(v);
      if (it != a.end() && (it->second -= n) == 0) a.erase(it);
    }
  }
  template <class V>
  std::uint64_t result(const std::map<V, std::uint64_t>& a) const {
    return a.size();
  }
};

inline Count count() { return {}; }
template <class F>
Sum<F> sum(F field) {
  return {std::move(field)};
}
template <class F>
ExtremeOf<F, false> min(F field) {
  return {std::move(field)};
}
template <class F>
ExtremeOf<F, true> max(F field) {
  return {std::move(field)};
}
template <class F>
Mean<F> mean(F field) {
  return {std::move(field)};
}
template <class Before>
TopK<Before> top_k(std::size_t k, Before before) {
  return {k, std::move(before)};
}
template <class F>
CountDistinct<F> count_distinct(F field) {
  return {std::move(field)};
}

// --- one aggregate bound to a record type
// ---------------------------------------------------------

template <class A, class T>
concept ProjectingAggregate = requires(const A& a, const T& t) {
  a.project(t);
};

template <class A, class T>
struct Bound {  // user-written: sees whole records
  using Value = T;
  using Acc = typename A::Acc;
  static constexpr bool kAssociative = A::kAssociative;
  static constexpr bool kInvertible = A::kInvertible;
  static const T& project(const A&, const T& record) { return record; }
};
template <class A, class T>
requires ProjectingAggregate<A, T>
struct Bound<A, T> {
  using Value =
      std::remove_cvref_t<decltype(std::declval<const A&>().project(std::declval<const T&>()))>;
  using Acc = typename A::template Acc<Value>;
  static constexpr bool kAssociative = A::kAssociative;
  static constexpr bool kInvertible = A::template kInvertible<Value>;
  static decltype(auto) project(const A& a, const T& record) { return a.project(record); }
};

template <class A, class T>
concept AggregateOf = std::copy_constructible<A> && requires {
  typename Bound<A, T>::Acc;
} && runtime::Encodable<typename Bound<A, T>::Acc>;

// --- several at once
// ------------------------------------------------------------------------------

// The aggregates As over records of T as one: values and accumulators are tuples, or the bare thing
// if there is only one.
template <class T, class... As>
class AggregateSet {
  static constexpr bool kSingle = sizeof...(As) == 1;
  template <class... Xs>
  struct OneOrTuple {
    using Type = std::tuple<Xs...>;
  };
  template <class X>
  struct OneOrTuple<X> {
    using Type = X;
  };
  static constexpr auto kIndexes = std::index_sequence_for<As...>{};

 public:
  using Value = typename OneOrTuple<typename Bound<As, T>::Value...>::Type;
  using Acc = typename OneOrTuple<typename Bound<As, T>::Acc...>::Type;
  using Result = typename OneOrTuple<std::remove_cvref_t<decltype(std::declval<const As&>().result(
      std::declval<const typename Bound<As, T>::Acc&>()))>...>::Type;
  static constexpr bool kAssociative = (Bound<As, T>::kAssociative && ...);
  static constexpr bool kInvertible = (Bound<As, T>::kInvertible && ...);

  explicit AggregateSet(As... aggregates) : aggregates_(std::move(aggregates)...) {}

  Value project(const T& record) const {
    return each([&](auto... i) {
      return Value(Bound<As, T>::project(std::get<decltype(i)::value>(aggregates_), record)...);
    });
  }
  // Adds a record without building the projected value.
  void add_record(Acc& acc, const T& record) const {
    each([&](auto... i) {
      (std::get<decltype(i)::value>(aggregates_)
           .add(part<decltype(i)::value>(acc),
                Bound<As, T>::project(std::get<decltype(i)::value>(aggregates_), record)),
       ...);
    });
  }
  void add(Acc& acc, const Value& value) const {
    each([&](auto... i) {
      (std::get<decltype(i)::value>(aggregates_)
           .add(part<decltype(i)::value>(acc), part<decltype(i)::value>(value)),
       ...);
    });
  }
  void merge(Acc& acc, const Acc& other) const requires kAssociative {
    each([&](auto... i) {
      (std::get<decltype(i)::value>(aggregates_)
           .merge(part<decltype(i)::value>(acc), part<decltype(i)::value>(other)),
       ...);
    });
  }
  void subtract(Acc& acc, const Acc& other) const requires kInvertible {
    each([&](auto... i) {
      (std::get<decltype(i)::value>(aggregates_)
           .subtract(part<decltype(i)::value>(acc), part<decltype(i)::value>(other)),
       ...);
    });
  }
  Result result(const Acc& acc) const {
    return each([&](auto... i) {
      return Result(
          std::get<decltype(i)::value>(aggregates_).result(part<decltype(i)::value>(acc))...);
    });
  }

 private:
  template <class F>
  static decltype(auto) each(F&& f) {
    return [&]<std::size_t... I>(std::index_sequence<I...>)->decltype(auto) {
      return f(std::integral_constant<std::size_t, I>{}...);
    }
    (kIndexes);
  }
  template <std::size_t I, class X>
  static auto& part(X& x) {
    if constexpr (kSingle) {
      return x;
    } else {
      return std::get<I>(x);
    }
  }

  std::tuple<As...> aggregates_;
};

}  // namespace weir::operators

namespace weir {
using operators::count;
using operators::count_distinct;
using operators::max;
using operators::mean;
using operators::min;
using operators::sum;
using operators::top_k;
}  // namespace weir
