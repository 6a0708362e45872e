// How many threads pay: affinity, cgroup quota and physical cores, whichever is smallest. More than the quota
// makes an engine many times slower, since the kernel then stops all threads for part of every period.
#include <sched.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <string>
#include <utility>

#include "base/fail.h"
#include "garam/kernel_set.h"

namespace garam {
namespace {

unsigned affinity_count() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return 1;
  return static_cast<unsigned>(std::max(1, CPU_COUNT(&mask)));
}

/// Distinct (package, core) pairs among the CPUs of the affinity mask, 0 when the system does not tell.
unsigned physical_cores() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (::sched_getaffinity(0, sizeof mask, &mask) != 0) return 0;
  std::set<std::pair<int, int>> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    const std::string folder = formatted("/sys/devices/system/cpu/cpu{}/topology/", cpu);
    int package = 0, core = 0;
    if (!(std::ifstream(folder + "physical_package_id") >> package)) return 0;
    if (!(std::ifstream(folder + "core_id") >> core)) return 0;
    cores.emplace(package, core);
  }
  return static_cast<unsigned>(cores.size());
}

/// The smallest CPU quota of the process's cgroup (version 2) and its parents, in CPUs; 0 when there is none.
unsigned cgroup_quota() {
  std::string line, path;
  std::ifstream groups("/proc/self/cgroup");
  while (std::getline(groups, line)) {
    if (line.rfind("0::", 0) == 0) path = line.substr(3);
  }
  double smallest = 0;
  for (;;) {
    std::ifstream file("/sys/fs/cgroup" + path + "/cpu.max");
    std::string quota;
    double period = 0;
    if (file >> quota >> period && quota != "max" && period > 0) {
      const double cpus = std::strtod(quota.c_str(), nullptr) / period;
      if (cpus > 0 && (smallest == 0 || cpus < smallest)) smallest = cpus;
    }
    if (path.empty()) break;
    path.erase(path.find_last_of('/') == std::string::npos ? 0 : path.find_last_of('/'));
  }
  return smallest == 0 ? 0 : std::max(1u, static_cast<unsigned>(smallest));
}

}  // namespace

unsigned default_threads(std::string* reason) {
  unsigned threads = affinity_count();
  std::string why = formatted("{} CPUs in the affinity mask", threads);
  if (const unsigned cores = physical_cores(); cores != 0 && cores < threads) {
    threads = cores;
    why = formatted("{} physical cores", cores);
  }
  if (const unsigned quota = cgroup_quota(); quota != 0 && quota < threads) {
    threads = quota;
    why = formatted("a cgroup quota of {} CPUs", quota);
  }
  if (reason != nullptr) *reason = why;
  return threads;
}

}  // namespace garam
