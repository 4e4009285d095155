// A program of someone else: it must compile against Weir's public face and link with nothing more.
#include <weir/weir.h>

void build(weir::Topology&) {}

int main(int argc, char** argv) { return weir::main(argc, argv, build); }
