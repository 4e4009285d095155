// Copies that go past this core's cache, into memory that another core has read last and will read
// next. An ordinary store first fetches the line from that core's cache, and waits for it: 28 ns a
// line where the cores share no cache, 2.5 ns for a store that does not.
#pragma once

#include <cstddef>
#include <cstdint>

namespace weir::runtime {

// Whether stream_selected() can copy elements of `size` bytes.
bool can_stream(std::size_t size);
// to[i] = from[index[i]] for i < count, elements of `size` bytes each, 8-byte aligned.
void stream_selected(const void* from, const std::uint32_t* index, std::uint32_t count, void* to,
                     std::size_t size);
// Streamed copies are seen before anything that is stored after this.
void stream_fence();

}  // namespace weir::runtime
