// The weir command.
#include "dispatch.h"

int main(int argc, char** argv) {
  return weir::coordinator::run_command({argv + (argc > 0 ? 1 : 0), argv + argc});
}
