// SPDX-License-Identifier: MIT
// Everything that knows torch; see engine.h for the contract.

#define GAUNT_ENGINE_BUILD
#include "engine.h"

#include "archive.h"
#include "layers.h"
#include "manifest.h"
#include "sha256.h"
#include "tensors.h"

#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <caffe2/serialize/in_memory_adapter.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>
#include <torch/headeronly/version.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <algorithm>
#include <cstring>
#include <memory>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

struct gaunt_potential {
  explicit gaunt_potential(const torch::jit::Module &module)
      : evaluate(module.get_method("evaluate")),
        by_layers(module),
        cutoff(module.attr("cutoff").toDouble())
  {
  }

  torch::jit::Method evaluate;
  gaunt::Layers by_layers;
  double cutoff;
  std::vector<std::string> elements;
  std::vector<const char *> element_names;
  std::string sha256;
  std::vector<double> shortest_distances;
};

namespace {

/// Number of threads of torch, put back afterwards: the process may use torch for other things.
class Threads {
 public:
  explicit Threads(int wanted) : before_(at::get_num_threads())
  {
    if (wanted != before_) at::set_num_threads(wanted);
  }
  ~Threads()
  {
    if (at::get_num_threads() != before_) at::set_num_threads(before_);
  }
  Threads(const Threads &) = delete;
  Threads &operator=(const Threads &) = delete;

 private:
  int before_;
};

/// What a thread has set in torch, as the engine needs it; put back afterwards.
struct Settings {
  // A Python program may run LAMMPS within inference_mode(), no_grad() or autocast().
  c10::InferenceMode inference{false};
  c10::AutoGradMode gradients{true};
  c10::impl::ExcludeDispatchKeyGuard reduced_precision{c10::autocast_dispatch_keyset};
  // The profiling executor recompiles for every new shape and has given wrong gradients.
  torch::jit::GraphOptimizerEnabledGuard profiling{false};
};

void write_message(char *message, std::string text)
{
  // Errors of TorchScript span many lines; the last one says what happened.
  while (!text.empty() && text.back() == '\n') text.pop_back();
  if (const auto line = text.rfind('\n'); line != std::string::npos) text.erase(0, line + 1);
  const auto length = std::min<std::size_t>(text.size(), GAUNT_MESSAGE_SIZE - 1);
  std::memcpy(message, text.data(), length);
  message[length] = '\0';
}

/// Run `body`; turn whatever it throws into a status and a message.
template <typename Body> int guarded(char *message, Body &&body) noexcept
{
  try {
    body();
    return 0;
  } catch (const c10::Error &error) {
    write_message(message, error.what_without_backtrace());
  } catch (const std::exception &error) {
    write_message(message, error.what());
  } catch (...) {
    write_message(message, "unknown error");
  }
  return 1;
}

/// Of an older or newer gaunt-md, a file may ask for operators that are not here.
torch::jit::Module load_module(const void *bytes, std::size_t size, const std::string &name)
{
  try {
    return torch::jit::load(
        std::make_shared<caffe2::serialize::MemoryReadAdapter>(bytes, static_cast<off_t>(size)),
        c10::kCPU);
  } catch (const std::exception &error) {
    std::istringstream lines(error.what());
    std::string first;
    while (first.empty() && std::getline(lines, first)) {
    }
    throw std::runtime_error("potential file '" + name + "' does not suit this version: torch " +
                             TORCH_VERSION + " says: " + first +
                             " Update gaunt-md, or write the file again with `gaunt-md export`");
  }
}

std::unique_ptr<gaunt_potential> load_verified(const void *bytes, std::size_t size,
                                               const std::string &name)
{
  auto module = load_module(bytes, size, name);
  if (!module.hasattr("exchange_width"))
    throw std::runtime_error("potential file '" + name +
                             "' was written by an older gaunt-md: write it again with "
                             "`gaunt-md export`");
  module.eval();
  for (auto parameter : module.parameters()) parameter.requires_grad_(false);

  auto potential = std::make_unique<gaunt_potential>(module);
  for (const c10::IValue &element : module.attr("elements").toListRef())
    potential->elements.push_back(element.toStringRef());
  for (const auto &element : potential->elements)
    potential->element_names.push_back(element.c_str());
  return potential;
}

/// Let the memory of one step serve the next one.
///
/// By default, glibc returns large arrays to the system when they are freed, and the system clears
/// them page by page when the next step asks for them again: a tenth of all time.
void keep_memory()
{
#ifdef __GLIBC__
  constexpr int gigabyte = 1 << 30;
  mallopt(M_MMAP_THRESHOLD, gigabyte);
  mallopt(M_TRIM_THRESHOLD, gigabyte);
#endif
}

int load(const void *bytes, size_t size, const char *name, gaunt_potential **potential,
         char *message)
{
  return guarded(message, [&] {
    keep_memory();
    gaunt::verify_archive(bytes, size, name);
    const Settings settings;
    auto loaded = load_verified(bytes, size, name);
    loaded->sha256 = gaunt::sha256(bytes, size);
    loaded->shortest_distances =
        gaunt::shortest_distances(gaunt::read_manifest(bytes, size), loaded->elements);
    *potential = loaded.release();
  });
}

void release(gaunt_potential *potential) { delete potential; }

gaunt_description describe(const gaunt_potential *potential)
{
  return {potential->cutoff,
          potential->by_layers.number(),
          potential->by_layers.exchange_width(),
          potential->by_layers.exchange_size(),
          static_cast<int>(potential->elements.size()),
          potential->element_names.data(),
          potential->sha256.c_str(),
          potential->shortest_distances.data()};
}

int evaluate(gaunt_potential *potential, const gaunt_graph *graph, int threads,
             gaunt_result *result, char *message)
{
  return guarded(message, [&] {
    const Threads thread_guard(threads);
    const Settings settings;
    const auto output =
        potential
            ->evaluate({gaunt::view(graph->edge_vectors, {graph->n_edges, 3}),
                        gaunt::view(graph->centres, {graph->n_edges}),
                        gaunt::view(graph->neighbours, {graph->n_edges}),
                        gaunt::view(graph->species, {graph->n_atoms}), graph->owned})
            .toTuple();
    gaunt::copy(output->elements()[0].toTensor(), result->energies, graph->owned);
    gaunt::copy(output->elements()[1].toTensor(), result->edge_gradients, 3 * graph->n_edges);
  });
}

int forward(gaunt_potential *potential, const gaunt_graph *graph, int layer, int threads,
            void **rows, char *message)
{
  return guarded(message, [&] {
    const Threads thread_guard(threads);
    const Settings settings;
    if (layer == 0) potential->by_layers.begin(*graph);
    *rows = potential->by_layers.forward(layer);
  });
}

int backward(gaunt_potential *potential, int layer, int threads, void *rows[GAUNT_MAX_PASSES],
             char *message)
{
  return guarded(message, [&] {
    const Threads thread_guard(threads);
    const Settings settings;
    potential->by_layers.backward(layer, rows);
  });
}

int result(gaunt_potential *potential, int threads, gaunt_result *result, char *message)
{
  return guarded(message, [&] {
    const Threads thread_guard(threads);
    const Settings settings;
    potential->by_layers.result(*result);
  });
}

const char *torch_version() { return TORCH_VERSION; }

constexpr gaunt_engine_functions functions = {
    GAUNT_ENGINE_INTERFACE, load, release, describe, evaluate, forward, backward, result,
    torch_version,
};

}  // namespace

extern "C" const gaunt_engine_functions *gaunt_engine(void) { return &functions; }
