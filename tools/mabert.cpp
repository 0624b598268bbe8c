#include "mabert/app/verbs.h"

int main(int argc, char** argv) { return mabert::app::run_command_line(argc, argv); }
