// SPDX-License-Identifier: GPL-2.0-or-later
// What LAMMPS calls when it loads the plugin: registers pair_style gaunt.

#include "pair_gaunt.h"

#include "error.h"
#include "lammps.h"
#include "library.h"

using namespace LAMMPS_NS;

extern "C" {

// From LAMMPS's src/PLUGIN/lammpsplugin.h, which binary distributions lack.
using lammpsplugin_factory1 = void *(void *);
using lammpsplugin_factory2 = void *(void *, int, char **);
struct lammpsplugin_t {
  const char *version;
  const char *style;
  const char *name;
  const char *info;
  const char *author;
  union {
    lammpsplugin_factory1 *v1;
    lammpsplugin_factory2 *v2;
  } creator;
  void *handle;
};
using lammpsplugin_regfunc = void(lammpsplugin_t *, void *);

__attribute__((visibility("default"))) void lammpsplugin_init(void *lmp, void *handle,
                                                              void *register_plugin);
}

namespace {

void *create(void *lmp) { return new PairGaunt(static_cast<LAMMPS *>(lmp)); }

/// Stands in for create() where the binary layouts differ: using the style is a clear error,
/// and everybody else's LAMMPS runs on.
void *refuse(void *lmp)
{
  auto *error = static_cast<LAMMPS *>(lmp)->error;
  error->all(FLERR,
             "Pair style gaunt was built for LAMMPS {} with {}-byte atom IDs, this is LAMMPS {} "
             "with {}-byte atom IDs: build it again with 'gaunt-md lammps build' or, for a LAMMPS "
             "of your own, with CMake",
             GAUNT_LAMMPS_VERSION_NUMBER, sizeof(tagint), lammps_version(lmp),
             lammps_extract_setting(lmp, "tagint"));
  return nullptr;  // LAMMPS before 2025 does not declare that all() never returns
}

bool built_for(void *lmp)
{
  return lammps_version(lmp) == GAUNT_LAMMPS_VERSION_NUMBER &&
         lammps_extract_setting(lmp, "tagint") == static_cast<int>(sizeof(tagint)) &&
         lammps_extract_setting(lmp, "bigint") == static_cast<int>(sizeof(bigint));
}

}  // namespace

void lammpsplugin_init(void *lmp, void *handle, void *register_plugin)
{
  lammpsplugin_t plugin;
  plugin.version = GAUNT_LAMMPS_VERSION;
  plugin.style = "pair";
  plugin.name = "gaunt";
  plugin.info = "Gaunt tensor product potentials of gaunt-md";
  plugin.author = "the gaunt-md developers";
  plugin.creator.v1 = built_for(lmp) ? create : refuse;
  plugin.handle = handle;
  reinterpret_cast<lammpsplugin_regfunc *>(register_plugin)(&plugin, lmp);
}
