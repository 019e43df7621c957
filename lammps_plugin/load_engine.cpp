// SPDX-License-Identifier: MIT

#include "load_engine.h"

#include <dlfcn.h>

namespace gaunt {
namespace {

constexpr const char *engine_file = "libgaunt_engine.so";

std::string engine_path()
{
  Dl_info here;
  if (!dladdr(reinterpret_cast<const void *>(&load_engine), &here)) return engine_file;
  const std::string plugin = here.dli_fname;
  return plugin.substr(0, plugin.rfind('/') + 1) + engine_file;
}

}  // namespace

const gaunt_engine_functions *load_engine(std::string &problem)
{
  static const gaunt_engine_functions *engine = nullptr;
  if (engine) return engine;

  const std::string path = engine_path();
  void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    problem = std::string("cannot open the engine: ") + dlerror();
    return nullptr;
  }
  using Entry = const gaunt_engine_functions *();
  auto *entry = reinterpret_cast<Entry *>(dlsym(library, "gaunt_engine"));
  if (!entry || entry()->interface != GAUNT_ENGINE_INTERFACE) {
    problem = path + " belongs to another version of the plugin: build both again";
    return nullptr;
  }
  return engine = entry();
}

}  // namespace gaunt
