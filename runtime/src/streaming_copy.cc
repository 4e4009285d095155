#include "streaming_copy.h"

#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace weir::runtime {

#if defined(__SSE2__)
namespace {

template <std::size_t kWords>
void stream_words(const char* from, const std::uint32_t* index, std::uint32_t count, char* to) {
  auto* out = reinterpret_cast<long long*>(to);
  for (std::uint32_t i = 0; i < count; ++i) {
    long long words[kWords];
    std::memcpy(words, from + index[i] * sizeof words, sizeof words);
    for (std::size_t w = 0; w < kWords; ++w) _mm_stream_si64(out++, words[w]);
  }
}

}  // namespace

bool can_stream(std::size_t size) { return size % 8 == 0 && size != 0 && size <= 64; }

void stream_selected(const void* from, const std::uint32_t* index, std::uint32_t count, void* to,
                     std::size_t size) {
  const char* const source = static_cast<const char*>(from);
  char* const target = static_cast<char*>(to);
  switch (size / 8) {
    case 1: return stream_words<1>(source, index, count, target);
    case 2: return stream_words<2>(source, index, count, target);
    case 3: return stream_words<3>(source, index, count, target);
    case 4: return stream_words<4>(source, index, count, target);
    case 5: return stream_words<5>(source, index, count, target);
    case 6: return stream_words<6>(source, index, count, target);
    case 7: return stream_words<7>(source, index, count, target);
    default: return stream_words<8>(source, index, count, target);
  }
}

void stream_fence() { _mm_sfence(); }
#else
bool can_stream(std::size_t) { return false; }
void stream_selected(const void*, const std::uint32_t*, std::uint32_t, void*, std::size_t) {}
void stream_fence() {}
#endif

}  // namespace weir::runtime
