# What Weir needs from the machine. scripts/setup installs it; weirConfig.cmake.in repeats the part
# that a program linked with Weir needs.

find_package(Threads REQUIRED)
find_package(absl REQUIRED)
find_package(TBB REQUIRED)
find_package(RocksDB REQUIRED)
find_package(ZLIB REQUIRED)
find_package(simdjson REQUIRED)
find_package(spdlog REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_path(WEIR_TOMLPLUSPLUS_INCLUDE toml++/toml.h REQUIRED)  # header only
mark_as_advanced(WEIR_TOMLPLUSPLUS_INCLUDE)
find_package(PkgConfig REQUIRED)
pkg_check_modules(libzmq REQUIRED IMPORTED_TARGET libzmq)

find_path(WEIR_XXHASH_INCLUDE xxhash.h REQUIRED)
mark_as_advanced(WEIR_XXHASH_INCLUDE)

find_path(WEIR_SODIUM_INCLUDE sodium.h REQUIRED)
find_library(WEIR_SODIUM sodium REQUIRED)
mark_as_advanced(WEIR_SODIUM_INCLUDE WEIR_SODIUM)

find_program(WEIR_FLATC flatc REQUIRED)
mark_as_advanced(WEIR_FLATC)

# The shared library links in a second; the static one drags in everything RocksDB can do.
if(TARGET RocksDB::rocksdb-shared)
  set(WEIR_ROCKSDB RocksDB::rocksdb-shared)
else()
  set(WEIR_ROCKSDB RocksDB::rocksdb)
endif()
