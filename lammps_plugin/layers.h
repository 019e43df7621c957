// SPDX-License-Identifier: MIT
#pragma once

#include "engine.h"

#include <ATen/ATen.h>
#include <torch/csrc/jit/api/module.h>

#include <array>
#include <vector>

namespace gaunt {

/**
 * A potential computed layer by layer, so that processes can exchange features in between.
 *
 * Every layer has an autograd graph of its own, from the features it gets (leaves) to those it
 * gives. The chain rule from one layer to the next is applied by hand, since adjoints of features
 * come from other processes too.
 *
 * Atomic virials need, besides the adjoint of features h_k, λ_k = Σ_i ∂E_i/∂h_k, the same weighted
 * by displacements, R_k = Σ_i (r_i - r_k) ∂E_i/∂h_k. No image enters into R_k but that of k, so
 * contributions of several processes add up. Within a process, Λ_k = R_k + r_k λ_k obeys the chain
 * rule of λ.
 */
class Layers {
 public:
  explicit Layers(const torch::jit::Module &module);

  int number() const { return n_layers; }
  int exchange_width() const { return width; }
  int exchange_size() const { return static_cast<int>(c10::elementSize(dtype)); }

  // In this order, see engine.h.
  void begin(const gaunt_graph &graph);
  void *forward(int layer);
  void backward(int layer, void **rows);
  void result(gaunt_result &result);

 private:
  struct Layer {
    at::Tensor rows;      // features that it gets, of all atoms
    at::Tensor features;  // features that it gives, of owned atoms
    at::Tensor readouts;  // of owned atoms
  };
  struct Pass {
    at::Tensor readouts, distances, harmonics;  // adjoints
    at::Tensor rows;                            // λ or R of the rows of the layer last done
  };

  void begin_backward();
  std::vector<at::Tensor> gradients(int layer, const at::Tensor &seed, const Pass &pass) const;
  at::Tensor coordinate(int axis, const at::Tensor &like) const;
  c10::IValue call(const char *method, std::vector<c10::IValue> arguments) const;

  torch::jit::Module module;
  int n_layers;
  int width;
  at::ScalarType dtype;

  int64_t owned = 0;
  at::Tensor species, centres, neighbours, first, positions;
  at::Tensor edge_vectors;                            // leaf of the geometry's graph
  at::Tensor geometry_distances, geometry_harmonics;  // its results
  at::Tensor distances, harmonics;                    // the same as leaves of the layers' graphs
  std::vector<Layer> layers;
  at::Tensor readouts;  // leaf of the energies' graph
  at::Tensor energies;
  std::vector<Pass> passes;
};

}  // namespace gaunt
