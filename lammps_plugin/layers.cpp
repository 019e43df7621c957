// SPDX-License-Identifier: MIT

#include "layers.h"

#include "tensors.h"

#include <torch/csrc/autograd/autograd.h>

#include <utility>

namespace gaunt {
namespace {

at::Tensor leaf(const at::Tensor &tensor) { return tensor.detach().requires_grad_(); }

/// Gradients of Σ seed · output; zero where an output does not depend on an input.
std::vector<at::Tensor> gradient(const std::vector<at::Tensor> &outputs,
                                 const std::vector<at::Tensor> &seeds,
                                 const std::vector<at::Tensor> &inputs)
{
  // Passes go through the same graph again, so it is kept.
  auto found = torch::autograd::grad(outputs, inputs, seeds, true, false, true);
  for (std::size_t k = 0; k < inputs.size(); ++k)
    if (!found[k].defined()) found[k] = at::zeros_like(inputs[k]);
  return found;
}

}  // namespace

Layers::Layers(const torch::jit::Module &module_)
    : module(module_),
      n_layers(static_cast<int>(module_.attr("layers").toInt())),
      width(static_cast<int>(module_.attr("exchange_width").toInt())),
      dtype(module_.attr("embedding").toTensor().scalar_type())
{
}

c10::IValue Layers::call(const char *method, std::vector<c10::IValue> arguments) const
{
  return module.get_method(method)(std::move(arguments));
}

void Layers::begin(const gaunt_graph &graph)
{
  owned = graph.owned;
  species = view(graph.species, {graph.n_atoms});
  centres = view(graph.centres, {graph.n_edges});
  neighbours = view(graph.neighbours, {graph.n_edges});
  first = at::searchsorted(centres, at::arange(owned + 1, at::kLong));
  positions = graph.positions ? view(graph.positions, {graph.n_atoms, 3}) : at::Tensor();
  edge_vectors = leaf(view(graph.edge_vectors, {graph.n_edges, 3}));

  const auto geometry = call("geometry", {edge_vectors}).toTuple();
  geometry_distances = geometry->elements()[0].toTensor();
  geometry_harmonics = geometry->elements()[1].toTensor();
  distances = leaf(geometry_distances);
  harmonics = leaf(geometry_harmonics);

  layers.assign(n_layers, {});
  layers[0].rows = call("first_features", {species}).toTensor();
}

void *Layers::forward(int index)
{
  Layer &layer = layers[index];
  const auto output =
      call("layer", {index, layer.rows, species, distances, harmonics, first, neighbours})
          .toTuple();
  layer.features = output->elements()[0].toTensor();
  layer.readouts = output->elements()[1].toTensor();
  if (index + 1 == n_layers) {
    begin_backward();
    return nullptr;
  }
  // The caller writes to these rows, so autograd must not have seen them when it does.
  auto shape = layer.features.sizes().vec();
  shape[0] = species.size(0);
  at::Tensor rows = at::empty(shape, layer.features.options());
  rows.narrow(0, 0, owned).copy_(layer.features.detach());
  layers[index + 1].rows = leaf(rows);
  return rows.mutable_data_ptr();
}

/// Energies, and their adjoints by what they are the sum of.
void Layers::begin_backward()
{
  at::Tensor sum = layers[0].readouts.detach().clone();
  for (int t = 1; t < n_layers; ++t) sum += layers[t].readouts.detach();
  readouts = leaf(sum);
  energies = call("energies", {readouts, species, distances, centres, neighbours}).toTensor();

  passes.assign(positions.defined() ? GAUNT_MAX_PASSES : 1, {});
  for (std::size_t p = 0; p < passes.size(); ++p) {
    const at::Tensor ones = at::ones_like(energies);
    const at::Tensor seed = p == 0 ? ones : coordinate(static_cast<int>(p) - 1, ones);
    const auto found = gradient({energies}, {seed}, {readouts, distances});
    passes[p] = {found[0], found[1], at::zeros_like(harmonics), {}};
  }
}

void Layers::backward(int index, void **rows)
{
  // What comes from the layer above; λ is needed for all passes.
  const at::Tensor adjoint =
      index + 1 < n_layers ? passes[0].rows.narrow(0, 0, owned) : at::Tensor();
  for (std::size_t p = 0; p < passes.size(); ++p) {
    Pass &pass = passes[p];
    at::Tensor seed = adjoint;
    if (p > 0 && adjoint.defined())
      seed = pass.rows.narrow(0, 0, owned) + coordinate(static_cast<int>(p) - 1, adjoint);
    auto found = gradients(index, seed, pass);
    pass.distances += found[0];
    pass.harmonics += found[1];
    if (index == 0) continue;
    // R = Λ - r λ
    if (p > 0) found[2] -= coordinate(static_cast<int>(p) - 1, passes[0].rows);
    pass.rows = found[2].contiguous();
    rows[p] = pass.rows.mutable_data_ptr();
  }
}

/// Gradients of one layer by distances, harmonics and, but for the first layer, features.
std::vector<at::Tensor> Layers::gradients(int index, const at::Tensor &seed, const Pass &pass) const
{
  const Layer &layer = layers[index];
  std::vector<at::Tensor> outputs = {layer.readouts}, seeds = {pass.readouts};
  std::vector<at::Tensor> inputs = {distances, harmonics};
  if (seed.defined()) {
    outputs.push_back(layer.features);
    seeds.push_back(seed);
  }
  if (index > 0) inputs.push_back(layer.rows);
  return gradient(outputs, seeds, inputs);
}

/// A coordinate of the first atoms times a number or an array of each.
at::Tensor Layers::coordinate(int axis, const at::Tensor &like) const
{
  std::vector<int64_t> shape(like.dim(), 1);
  shape[0] = like.size(0);
  return positions.narrow(0, 0, like.size(0)).select(1, axis).to(like.scalar_type()).view(shape) *
         like;
}

void Layers::result(gaunt_result &result)
{
  const int64_t n_edges = edge_vectors.size(0);
  copy(energies.detach(), result.energies, owned);
  std::vector<at::Tensor> edge_gradients;
  for (const Pass &pass : passes)
    edge_gradients.push_back(gradient({geometry_distances, geometry_harmonics},
                                      {pass.distances, pass.harmonics}, {edge_vectors})[0]);
  copy(edge_gradients[0], result.edge_gradients, 3 * n_edges);
  if (passes.size() == 1) return;

  const at::Tensor weighted =
      at::stack({edge_gradients[1], edge_gradients[2], edge_gradients[3]}, 1);
  const at::Tensor origins = positions.index_select(0, centres);
  copy(weighted - origins.unsqueeze(2) * edge_gradients[0].unsqueeze(1), result.edge_virials,
       9 * n_edges);
}

}  // namespace gaunt
