// SPDX-License-Identifier: MIT
// The kernels as operators of torch, `gaunt::…`. Of the kernels' files, this one alone knows torch.
//
// Each operation has three operators: itself, NAME_gradient, and NAME_second, the derivative of
// both in a direction. Autograd is registered here, so that a program without Python has it too.

#include "kernels.h"

#include <ATen/Dispatch.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>
#include <vector>

namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;
using Tensors = std::vector<Tensor>;

// --- arrays ---

/// A tensor as the kernels read it.
Tensor dense(const Tensor &tensor) { return tensor.contiguous(); }

/// With channels, the last dimension, in multiples of what the kernels ask for.
template <class Real> Tensor padded(const Tensor &tensor)
{
  const int64_t odd = tensor.size(-1) % gaunt::channel_multiple<Real>;
  return odd == 0 ? tensor.contiguous()
                  : at::constant_pad_nd(tensor, {0, gaunt::channel_multiple<Real> - odd});
}

Tensor narrowed(const Tensor &tensor, int64_t channels)
{
  return tensor.size(-1) == channels ? tensor : tensor.narrow(-1, 0, channels).contiguous();
}

template <class Real> gaunt::Input<Real> input(const Tensor &value)
{
  return {value.const_data_ptr<Real>(), nullptr};
}

/// Run parts of [0, n) on torch's threads, always the same parts for a number of threads.
void in_parallel(int64_t n, int64_t parts,
                 const std::function<void(gaunt::Range, int64_t part)> &work)
{
  at::parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t part = begin; part < end; ++part)
      work({n * part / parts, n * (part + 1) / parts}, part);
  });
}

int64_t parts_for(int64_t n)
{
  return std::clamp<int64_t>(at::get_num_threads(), 1, std::max<int64_t>(n, 1));
}

/// 1, 4, 9, ... → 0, 1, 2, ...
int degree_of(int64_t coefficients)
{
  int degree = 0;
  while ((degree + 1) * (degree + 1) < coefficients) ++degree;
  TORCH_CHECK((degree + 1) * (degree + 1) == coefficients, "gaunt: ", coefficients,
              " coefficients are not (degree + 1)^2");
  return degree;
}

// --- convolution ---

/// The arguments that convolutions share; `radial` are distances if there is a table.
struct ConvolutionArguments {
  Tensor features, radial, harmonics;
  Tensor first, neighbours, coupling;
  std::optional<Tensor> table;
  double step;
};

template <class Real> class ConvolutionCall {
 public:
  ConvolutionCall(const ConvolutionArguments &a, const Tensor *tangents) : channels_(a.features.size(2))
  {
    const bool splines = a.table.has_value();
    features = padded<Real>(a.features);
    harmonics = dense(a.harmonics);
    radial = splines ? dense(a.radial) : padded<Real>(a.radial);
    first_ = dense(a.first);
    neighbours_ = dense(a.neighbours);
    shape.channels = static_cast<int>(features.size(2));
    shape.n_features = static_cast<int>(features.size(1));
    shape.filter_degree = degree_of(harmonics.size(1));
    TORCH_CHECK(shape.filter_degree <= gaunt::max_filter_degree, "gaunt: filter degree ",
                shape.filter_degree, " is above ", gaunt::max_filter_degree);
    shape.n_outputs = static_cast<int>(a.coupling.size(0));
    list_couplings(a.coupling);
    shape.first = first_.const_data_ptr<int64_t>();
    shape.neighbours = neighbours_.const_data_ptr<int64_t>();
    shape.features = input<Real>(features);
    shape.harmonics = input<Real>(harmonics);
    (splines ? shape.distances : shape.radial) = input<Real>(radial);
    if (splines) {
      table_ = padded<Real>(*a.table);
      shape.table = table_.template const_data_ptr<Real>();
      shape.n_nodes = static_cast<int>(table_.size(0));
      shape.step = static_cast<Real>(a.step);
    }
    if (tangents == nullptr) return;
    tangents_ = {padded<Real>(tangents[0]),
                 splines ? dense(tangents[1]) : padded<Real>(tangents[1]), dense(tangents[2])};
    shape.features.tangent = tangents_[0].template const_data_ptr<Real>();
    (splines ? shape.distances : shape.radial).tangent = tangents_[1].template const_data_ptr<Real>();
    shape.harmonics.tangent = tangents_[2].template const_data_ptr<Real>();
  }

  Tensor value() const
  {
    const int64_t centres = first_.size(0) - 1;
    Tensor out = at::empty({centres, shape.n_outputs, shape.channels}, features.options());
    in_parallel(centres, parts_for(centres), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().convolution(shape, range, out.data_ptr<Real>());
    });
    return narrowed(out, channels_);
  }

  std::tuple<Tensor, Tensor, Tensor> gradient(const Tensor &adjoint, bool wants_features) const
  {
    const Tensor a = padded<Real>(adjoint);
    const int64_t centres = first_.size(0) - 1, parts = parts_for(centres);
    Tensor d_radial = at::empty_like(radial), d_harmonics = at::empty_like(harmonics);
    // Neighbours belong to other parts too, so every part adds to an array of its own.
    Tensor d_features = at::zeros({wants_features ? parts : 0, features.size(0), features.size(1),
                                   features.size(2)}, features.options());
    const bool splines = shape.table != nullptr;
    in_parallel(centres, parts, [&](gaunt::Range range, int64_t part) {
      const gaunt::ConvolutionGradient<Real> out{
          wants_features ? d_features.data_ptr<Real>() + part * features.numel() : nullptr,
          d_harmonics.data_ptr<Real>(), splines ? nullptr : d_radial.data_ptr<Real>(),
          splines ? d_radial.data_ptr<Real>() : nullptr};
      gaunt::kernels<Real>().convolution_gradient(shape, a.const_data_ptr<Real>(), range, out);
    });
    Tensor summed = !wants_features ? Tensor() : parts == 1 ? d_features[0] : d_features.sum(0);
    return {wants_features ? narrowed(summed, channels_) : at::zeros_like(features),
            splines ? d_radial : narrowed(d_radial, channels_), d_harmonics};
  }

 private:
  void list_couplings(const Tensor &coupling)
  {
    const Tensor matrix = dense(coupling);
    const Real *values = matrix.const_data_ptr<Real>();
    const int n_moments = static_cast<int>(matrix.size(1));
    for (int output = 0; output < shape.n_outputs; ++output)
      for (int moment = 0; moment < n_moments; ++moment, ++values)
        if (*values != 0) couplings_.push_back({output, moment, *values});
    shape.couplings = couplings_.data();
    shape.n_couplings = static_cast<int64_t>(couplings_.size());
  }

  gaunt::Convolution<Real> shape{};
  Tensor features, radial, harmonics, first_, neighbours_, table_;
  Tensors tangents_;
  std::vector<typename gaunt::Convolution<Real>::Coupling> couplings_;
  int64_t channels_;
};

#define GAUNT_CONVOLUTION_PARAMETERS                                                               \
  const Tensor &features, const Tensor &radial, const Tensor &harmonics, const Tensor &first,      \
      const Tensor &neighbours, const Tensor &coupling, const std::optional<Tensor> &table,        \
      double step
#define GAUNT_CONVOLUTION_ARGUMENTS                                                                \
  features, radial, harmonics, first, neighbours, coupling, table, step

template <class Body> auto for_dtype(const Tensor &tensor, Body &&body)
{
  TORCH_CHECK(tensor.scalar_type() == at::kFloat || tensor.scalar_type() == at::kDouble,
              "gaunt: dtype ", tensor.scalar_type(), " is neither float32 nor float64");
  return tensor.scalar_type() == at::kFloat ? body(float()) : body(double());
}

Tensor convolution(GAUNT_CONVOLUTION_PARAMETERS)
{
  return for_dtype(features, [&](auto real) {
    return ConvolutionCall<decltype(real)>({GAUNT_CONVOLUTION_ARGUMENTS}, nullptr).value();
  });
}

std::tuple<Tensor, Tensor, Tensor> convolution_gradient(const Tensor &adjoint,
                                                        GAUNT_CONVOLUTION_PARAMETERS,
                                                        bool wants_features)
{
  return for_dtype(features, [&](auto real) {
    return ConvolutionCall<decltype(real)>({GAUNT_CONVOLUTION_ARGUMENTS}, nullptr)
        .gradient(adjoint, wants_features);
  });
}

std::tuple<Tensor, Tensor, Tensor, Tensor>
convolution_second(const Tensor &adjoint, GAUNT_CONVOLUTION_PARAMETERS,
                   const Tensor &features_tangent, const Tensor &radial_tangent,
                   const Tensor &harmonics_tangent)
{
  return for_dtype(features, [&](auto real) {
    const Tensor tangents[] = {features_tangent, radial_tangent, harmonics_tangent};
    const ConvolutionCall<decltype(real)> call({GAUNT_CONVOLUTION_ARGUMENTS}, tangents);
    return std::tuple_cat(std::make_tuple(call.value()), call.gradient(adjoint, true));
  });
}

// --- grid product ---

/// Points, one of s and -s each, with what evaluates and projects there.
struct GridArguments {
  Tensors factors;               // [nodes][(L_q + 1)^2][channels] each
  std::optional<Tensor> weights; // [nodes][factors][channels]
  Tensor evaluation;             // [points][columns]
  Tensor projection;             // [points][(degree_out + 1)^2]
};

/// [points][columns] → [tiles][columns][tile_points]; points that fill the last tile count nothing.
Tensor tiled(const Tensor &matrix)
{
  const int64_t points = gaunt::tile_points, odd = matrix.size(0) % points;
  const Tensor whole = odd ? at::constant_pad_nd(matrix, {0, 0, 0, points - odd}) : matrix;
  return whole.view({-1, points, matrix.size(1)}).transpose(1, 2).contiguous();
}

template <class Real> class GridProductCall {
 public:
  GridProductCall(const GridArguments &a, const Tensor *tangents, const Tensor &weights_tangent)
      : channels_(a.factors[0].size(2)), nodes_(a.factors[0].size(0))
  {
    TORCH_CHECK(a.factors.size() <= gaunt::max_factors, "gaunt: products of more than ",
                gaunt::max_factors, " factors are not made at once");
    shape.n_factors = static_cast<int>(a.factors.size());
    for (size_t q = 0; q < a.factors.size(); ++q) {
      factors_.push_back(readable(a.factors[q]));
      shape.degree[q] = degree_of(a.factors[q].size(1));
      shape.factors[q] = input<Real>(factors_[q]);
      shape.node_stride[q] = factors_[q].stride(0);
      shape.coefficient_stride[q] = factors_[q].stride(1);
      if (tangents) {
        // Tangents are read with the strides of the values.
        tangents_.push_back(at::empty_strided(factors_[q].sizes(), factors_[q].strides(), factors_[q].options()));
        tangents_[q].copy_(padded<Real>(tangents[q]));
        shape.factors[q].tangent = tangents_[q].template const_data_ptr<Real>();
      }
    }
    shape.channels = static_cast<int>(factors_[0].size(2));
    if (a.weights) {
      weights_ = padded<Real>(*a.weights);
      shape.weights = input<Real>(weights_);
      if (tangents) {
        weights_tangent_ = padded<Real>(weights_tangent);
        shape.weights.tangent = weights_tangent_.template const_data_ptr<Real>();
      }
    }
    evaluation_ = tiled(a.evaluation);
    projection_ = tiled(a.projection);
    shape.n_tiles = static_cast<int>(evaluation_.size(0));
    shape.n_evaluated = static_cast<int>(evaluation_.size(1));
    shape.evaluation = evaluation_.template const_data_ptr<Real>();
    shape.degree_out = degree_of(a.projection.size(1));
    shape.projection = projection_.template const_data_ptr<Real>();
  }

  Tensor value() const
  {
    Tensor out = at::empty({nodes_, projection_.size(1), shape.channels}, factors_[0].options());
    in_parallel(nodes_, parts_for(nodes_), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().grid_product(shape, range, out.data_ptr<Real>());
    });
    return narrowed(out, channels_);
  }

  /// Gradients of the factors and, last, of the weights (empty without).
  Tensors gradient(const Tensor &adjoint) const
  {
    const Tensor a = padded<Real>(adjoint);
    gaunt::GridProductGradient<Real> out{};
    Tensors gradients;
    // Factors that lie interleaved in one array get gradients that lie so, too.
    const bool interleaved = is_interleaved();
    Tensor whole;
    if (interleaved)
      whole = at::empty({nodes_, factors_[0].size(1), shape.n_factors, shape.channels},
                        factors_[0].options());
    for (int q = 0; q < shape.n_factors; ++q) {
      gradients.push_back(interleaved ? whole.select(2, q)
                                      : at::empty(factors_[q].sizes(), factors_[q].options()));
      out.factors[q] = gradients[q].data_ptr<Real>();
      out.node_stride[q] = gradients[q].stride(0);
      out.coefficient_stride[q] = gradients[q].stride(1);
    }
    gradients.push_back(weights_.defined() ? at::empty_like(weights_)
                                           : at::empty({0}, factors_[0].options()));
    out.weights = weights_.defined() ? gradients.back().data_ptr<Real>() : nullptr;
    in_parallel(nodes_, parts_for(nodes_), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().grid_product_gradient(shape, a.const_data_ptr<Real>(), range, out);
    });
    for (Tensor &gradient : gradients)
      if (gradient.dim() > 1) gradient = narrowed(gradient, channels_);
    return gradients;
  }

 private:
  /// Channels must be dense; the other strides may be what they are.
  static Tensor readable(const Tensor &factor)
  {
    const bool whole = factor.size(2) % gaunt::channel_multiple<Real> == 0;
    return whole && factor.stride(2) == 1 && factor.numel() > 0 ? factor : padded<Real>(factor);
  }

  bool is_interleaved() const
  {
    for (int q = 0; q < shape.n_factors; ++q)
      if (factors_[q].sizes() != factors_[0].sizes() ||
          factors_[q].stride(1) != shape.n_factors * factors_[q].size(2))
        return false;
    return shape.n_factors > 1;
  }

  gaunt::GridProduct<Real> shape{};
  Tensors factors_, tangents_;
  Tensor weights_, weights_tangent_, evaluation_, projection_;
  int64_t channels_, nodes_;
};

Tensor grid_product(at::TensorList factors, const std::optional<Tensor> &weights,
                    const Tensor &evaluation, const Tensor &projection)
{
  return for_dtype(factors[0], [&](auto real) {
    return GridProductCall<decltype(real)>({factors.vec(), weights, evaluation, projection}, nullptr, {})
        .value();
  });
}

Tensors grid_product_gradient(const Tensor &adjoint, at::TensorList factors,
                              const std::optional<Tensor> &weights, const Tensor &evaluation,
                              const Tensor &projection)
{
  return for_dtype(factors[0], [&](auto real) {
    return GridProductCall<decltype(real)>({factors.vec(), weights, evaluation, projection}, nullptr, {})
        .gradient(adjoint);
  });
}

/// Derivatives of the product and of its gradients; tangents as the gradients come.
Tensors grid_product_second(const Tensor &adjoint, at::TensorList factors,
                            const std::optional<Tensor> &weights, const Tensor &evaluation,
                            const Tensor &projection, at::TensorList tangents)
{
  return for_dtype(factors[0], [&](auto real) {
    const GridProductCall<decltype(real)> call({factors.vec(), weights, evaluation, projection},
                                               tangents.data(), tangents.back());
    Tensors all{call.value()};
    for (const Tensor &gradient : call.gradient(adjoint)) all.push_back(gradient);
    return all;
  });
}

// --- matrices of degrees ---

Tensor degree_linear(const Tensor &x, const Tensor &weight)
{
  return for_dtype(x, [&](auto real) {
    using Real = decltype(real);
    const Tensor rows = dense(x), matrices = padded<Real>(weight);
    const gaunt::DegreeLinear<Real> shape{
        static_cast<int>(weight.size(0)) - 1, static_cast<int>(matrices.size(1)),
        static_cast<int>(matrices.size(2)), rows.const_data_ptr<Real>(),
        matrices.const_data_ptr<Real>()};
    Tensor out = at::empty({x.size(0), x.size(1), matrices.size(2)}, x.options());
    in_parallel(x.size(0), parts_for(x.size(0)), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().degree_linear(shape, range, out.data_ptr<Real>());
    });
    return narrowed(out, weight.size(2));
  });
}

/// Gradient of the sum of adjoint times degree_linear(x, weight) by weight.
Tensor degree_linear_weights(const Tensor &x, const Tensor &adjoint)
{
  Tensors gradients;
  const int degree = degree_of(x.size(1));
  for (int l = 0; l <= degree; ++l) {
    const auto rows = [l](const Tensor &t) {
      return t.narrow(1, l * l, 2 * l + 1).reshape({-1, t.size(2)});
    };
    gradients.push_back(at::mm(rows(x).t(), rows(adjoint)));
  }
  return at::stack(gradients);
}

// --- spherical harmonics ---

Tensor harmonics(const Tensor &vectors, int64_t degree)
{
  TORCH_CHECK(degree <= gaunt::max_filter_degree, "gaunt: degree ", degree, " is above ",
              gaunt::max_filter_degree);
  return for_dtype(vectors, [&](auto real) {
    using Real = decltype(real);
    const Tensor rows = dense(vectors);
    const gaunt::Harmonics<Real> shape{static_cast<int>(degree), input<Real>(rows)};
    Tensor out = at::empty({rows.size(0), (degree + 1) * (degree + 1)}, rows.options());
    in_parallel(rows.size(0), parts_for(rows.size(0)), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().harmonics(shape, range, out.data_ptr<Real>());
    });
    return out;
  });
}

Tensor harmonics_gradient(const Tensor &adjoint, const Tensor &vectors)
{
  return for_dtype(vectors, [&](auto real) {
    using Real = decltype(real);
    const Tensor rows = dense(vectors), a = dense(adjoint);
    const gaunt::Harmonics<Real> shape{degree_of(a.size(1)), input<Real>(rows)};
    Tensor out = at::empty_like(rows);
    in_parallel(rows.size(0), parts_for(rows.size(0)), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().harmonics_gradient(shape, a.const_data_ptr<Real>(), range,
                                                out.data_ptr<Real>());
    });
    return out;
  });
}

std::tuple<Tensor, Tensor> harmonics_second(const Tensor &adjoint, const Tensor &vectors,
                                            const Tensor &tangent)
{
  return for_dtype(vectors, [&](auto real) {
    using Real = decltype(real);
    const Tensor rows = dense(vectors), moving = dense(tangent), a = dense(adjoint);
    gaunt::Harmonics<Real> shape{degree_of(a.size(1)), input<Real>(rows)};
    shape.vectors.tangent = moving.const_data_ptr<Real>();
    Tensor values = at::empty_like(a), gradient = at::empty_like(rows);
    in_parallel(rows.size(0), parts_for(rows.size(0)), [&](gaunt::Range range, int64_t) {
      gaunt::kernels<Real>().harmonics(shape, range, values.data_ptr<Real>());
      gaunt::kernels<Real>().harmonics_gradient(shape, a.const_data_ptr<Real>(), range,
                                                gradient.data_ptr<Real>());
    });
    return std::make_tuple(values, gradient);
  });
}

// --- autograd ---

template <class Signature> auto operator_named(const char *name)
{
  return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").template typed<Signature>();
}

Tensor or_zeros(const Tensor &tangent, const Tensor &like)
{
  return tangent.defined() ? tangent : at::zeros_like(like);
}

std::optional<Tensor> optional(const Tensor &tensor)
{
  return tensor.defined() ? std::optional<Tensor>(tensor) : std::nullopt;
}

struct ConvolutionGradientFunction : Function<ConvolutionGradientFunction> {
  static variable_list forward(AutogradContext *context, const Tensor &adjoint,
                               GAUNT_CONVOLUTION_PARAMETERS, bool wants_features)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    static const auto op = operator_named<decltype(convolution_gradient)>("gaunt::convolution_gradient");
    auto [d_features, d_radial, d_harmonics] =
        op.call(adjoint, GAUNT_CONVOLUTION_ARGUMENTS, wants_features);
    context->save_for_backward({adjoint, features, radial, harmonics, first, neighbours, coupling,
                                table ? *table : Tensor()});
    context->saved_data["step"] = step;
    return {d_features, d_radial, d_harmonics};
  }

  static variable_list backward(AutogradContext *context, variable_list tangents)
  {
    const auto saved = context->get_saved_variables();
    static const auto op = operator_named<decltype(convolution_second)>("gaunt::convolution_second");
    auto [d_adjoint, d_features, d_radial, d_harmonics] =
        op.call(saved[0], saved[1], saved[2], saved[3], saved[4], saved[5], saved[6],
                optional(saved[7]), context->saved_data["step"].toDouble(),
                or_zeros(tangents[0], saved[1]), or_zeros(tangents[1], saved[2]),
                or_zeros(tangents[2], saved[3]));
    return {d_adjoint, d_features, d_radial, d_harmonics, {}, {}, {}, {}, {}, {}};
  }
};

std::tuple<Tensor, Tensor, Tensor>
convolution_gradient_autograd(const Tensor &adjoint, GAUNT_CONVOLUTION_PARAMETERS,
                              bool wants_features)
{
  const auto all = ConvolutionGradientFunction::apply(adjoint, GAUNT_CONVOLUTION_ARGUMENTS,
                                                      wants_features);
  return {all[0], all[1], all[2]};
}

struct ConvolutionFunction : Function<ConvolutionFunction> {
  static Tensor forward(AutogradContext *context, GAUNT_CONVOLUTION_PARAMETERS)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    static const auto op = operator_named<decltype(convolution)>("gaunt::convolution");
    context->save_for_backward({features, radial, harmonics, first, neighbours, coupling,
                                table ? *table : Tensor()});
    context->saved_data["step"] = step;
    return op.call(GAUNT_CONVOLUTION_ARGUMENTS);
  }

  static variable_list backward(AutogradContext *context, variable_list adjoints)
  {
    const auto saved = context->get_saved_variables();
    static const auto op = operator_named<decltype(convolution_gradient)>("gaunt::convolution_gradient");
    const bool wants_features = context->needs_input_grad(0);
    auto [d_features, d_radial, d_harmonics] =
        op.call(adjoints[0], saved[0], saved[1], saved[2], saved[3], saved[4], saved[5],
                optional(saved[6]), context->saved_data["step"].toDouble(), wants_features);
    return {wants_features ? d_features : Tensor(), d_radial, d_harmonics, {}, {}, {}, {}, {}};
  }
};

Tensor convolution_autograd(GAUNT_CONVOLUTION_PARAMETERS)
{
  return ConvolutionFunction::apply(GAUNT_CONVOLUTION_ARGUMENTS);
}

// Functions of lists: the factors, then the weights (undefined without), as separate variables.

struct GridProductGradientFunction : Function<GridProductGradientFunction> {
  static variable_list forward(AutogradContext *context, const Tensor &adjoint,
                               at::TensorList factors, const std::optional<Tensor> &weights,
                               const Tensor &evaluation, const Tensor &projection)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    static const auto op =
        operator_named<Tensors(const Tensor &, at::TensorList, const std::optional<Tensor> &,
                               const Tensor &, const Tensor &)>("gaunt::grid_product_gradient");
    variable_list saved{adjoint, evaluation, projection, weights ? *weights : Tensor()};
    saved.insert(saved.end(), factors.begin(), factors.end());
    context->save_for_backward(saved);
    return op.call(adjoint, factors, weights, evaluation, projection);
  }

  static variable_list backward(AutogradContext *context, variable_list tangents)
  {
    const auto saved = context->get_saved_variables();
    const Tensors factors(saved.begin() + 4, saved.end());
    for (size_t q = 0; q < factors.size(); ++q) tangents[q] = or_zeros(tangents[q], factors[q]);
    if (saved[3].defined()) tangents.back() = or_zeros(tangents.back(), saved[3]);
    else tangents.back() = at::empty({0}, factors[0].options());
    static const auto op =
        operator_named<Tensors(const Tensor &, at::TensorList, const std::optional<Tensor> &,
                               const Tensor &, const Tensor &, at::TensorList)>(
            "gaunt::grid_product_second");
    const auto all = op.call(saved[0], factors, optional(saved[3]), saved[1], saved[2], tangents);
    variable_list gradients(all.begin(), all.begin() + 1 + factors.size());
    gradients.push_back(saved[3].defined() ? all.back() : Tensor());
    gradients.resize(gradients.size() + 2);
    return gradients;
  }
};

Tensors grid_product_gradient_autograd(const Tensor &adjoint, at::TensorList factors,
                                       const std::optional<Tensor> &weights,
                                       const Tensor &evaluation, const Tensor &projection)
{
  return GridProductGradientFunction::apply(adjoint, factors, weights, evaluation, projection);
}

struct GridProductFunction : Function<GridProductFunction> {
  static Tensor forward(AutogradContext *context, at::TensorList factors,
                        const std::optional<Tensor> &weights, const Tensor &evaluation,
                        const Tensor &projection)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    static const auto op =
        operator_named<Tensor(at::TensorList, const std::optional<Tensor> &, const Tensor &,
                              const Tensor &)>("gaunt::grid_product");
    variable_list saved{evaluation, projection, weights ? *weights : Tensor()};
    saved.insert(saved.end(), factors.begin(), factors.end());
    context->save_for_backward(saved);
    return op.call(factors, weights, evaluation, projection);
  }

  static variable_list backward(AutogradContext *context, variable_list adjoints)
  {
    const auto saved = context->get_saved_variables();
    const Tensors factors(saved.begin() + 3, saved.end());
    static const auto op =
        operator_named<Tensors(const Tensor &, at::TensorList, const std::optional<Tensor> &,
                               const Tensor &, const Tensor &)>("gaunt::grid_product_gradient");
    auto gradients = op.call(adjoints[0], factors, optional(saved[2]), saved[0], saved[1]);
    if (!saved[2].defined()) gradients.back() = Tensor();
    gradients.resize(gradients.size() + 2);
    return gradients;
  }
};

Tensor grid_product_autograd(at::TensorList factors, const std::optional<Tensor> &weights,
                             const Tensor &evaluation, const Tensor &projection)
{
  return GridProductFunction::apply(factors, weights, evaluation, projection);
}

// y = x W is bilinear: its derivatives are the same two operations again.

Tensor call_degree_linear(const Tensor &x, const Tensor &weight)
{
  static const auto op = operator_named<decltype(degree_linear)>("gaunt::degree_linear");
  return op.call(x, weight);
}

Tensor call_degree_linear_weights(const Tensor &x, const Tensor &adjoint)
{
  static const auto op =
      operator_named<decltype(degree_linear_weights)>("gaunt::degree_linear_weights");
  return op.call(x, adjoint);
}

struct DegreeLinearWeightsFunction : Function<DegreeLinearWeightsFunction> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &adjoint)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x, adjoint});
    return call_degree_linear_weights(x, adjoint);
  }
  static variable_list backward(AutogradContext *context, variable_list weights)
  {
    const auto saved = context->get_saved_variables();
    return {call_degree_linear(saved[1], weights[0].transpose(1, 2)),
            call_degree_linear(saved[0], weights[0])};
  }
};

Tensor degree_linear_weights_autograd(const Tensor &x, const Tensor &adjoint)
{
  return DegreeLinearWeightsFunction::apply(x, adjoint);
}

struct DegreeLinearFunction : Function<DegreeLinearFunction> {
  static Tensor forward(AutogradContext *context, const Tensor &x, const Tensor &weight)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({x, weight});
    return call_degree_linear(x, weight);
  }
  static variable_list backward(AutogradContext *context, variable_list adjoints)
  {
    const auto saved = context->get_saved_variables();
    return {context->needs_input_grad(0)
                ? call_degree_linear(adjoints[0], saved[1].transpose(1, 2))
                : Tensor(),
            context->needs_input_grad(1) ? call_degree_linear_weights(saved[0], adjoints[0])
                                         : Tensor()};
  }
};

Tensor degree_linear_autograd(const Tensor &x, const Tensor &weight)
{
  return DegreeLinearFunction::apply(x, weight);
}

struct HarmonicsGradientFunction : Function<HarmonicsGradientFunction> {
  static Tensor forward(AutogradContext *context, const Tensor &adjoint, const Tensor &vectors)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    static const auto op = operator_named<decltype(harmonics_gradient)>("gaunt::harmonics_gradient");
    context->save_for_backward({adjoint, vectors});
    return op.call(adjoint, vectors);
  }
  static variable_list backward(AutogradContext *context, variable_list tangents)
  {
    const auto saved = context->get_saved_variables();
    static const auto op = operator_named<decltype(harmonics_second)>("gaunt::harmonics_second");
    auto [d_adjoint, d_vectors] = op.call(saved[0], saved[1], tangents[0]);
    return {d_adjoint, d_vectors};
  }
};

Tensor harmonics_gradient_autograd(const Tensor &adjoint, const Tensor &vectors)
{
  return HarmonicsGradientFunction::apply(adjoint, vectors);
}

struct HarmonicsFunction : Function<HarmonicsFunction> {
  static Tensor forward(AutogradContext *context, const Tensor &vectors, int64_t degree)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    static const auto op = operator_named<decltype(harmonics)>("gaunt::harmonics");
    context->save_for_backward({vectors});
    return op.call(vectors, degree);
  }
  static variable_list backward(AutogradContext *context, variable_list adjoints)
  {
    static const auto op = operator_named<decltype(harmonics_gradient)>("gaunt::harmonics_gradient");
    return {op.call(adjoints[0], context->get_saved_variables()[0]), {}};
  }
};

Tensor harmonics_autograd(const Tensor &vectors, int64_t degree)
{
  return HarmonicsFunction::apply(vectors, degree);
}

// --- shapes alone, for torch.compile ---

Tensor convolution_meta(const Tensor &features, const Tensor &, const Tensor &, const Tensor &first,
                        const Tensor &, const Tensor &coupling, const std::optional<Tensor> &,
                        double)
{
  return features.new_empty_symint({first.sym_size(0) - 1, coupling.sym_size(0), features.sym_size(2)});
}

Tensor grid_product_meta(at::TensorList factors, const std::optional<Tensor> &, const Tensor &,
                         const Tensor &projection)
{
  return factors[0].new_empty_symint(
      {factors[0].sym_size(0), projection.sym_size(1), factors[0].sym_size(2)});
}

Tensors grid_product_gradient_meta(const Tensor &, at::TensorList factors,
                                   const std::optional<Tensor> &weights, const Tensor &,
                                   const Tensor &)
{
  Tensors gradients;
  for (const Tensor &factor : factors) gradients.push_back(at::empty_like(factor));
  gradients.push_back(weights ? at::empty_like(*weights) : at::empty({0}, factors[0].options()));
  return gradients;
}

Tensor degree_linear_meta(const Tensor &x, const Tensor &weight)
{
  return x.new_empty_symint({x.sym_size(0), x.sym_size(1), weight.sym_size(2)});
}

Tensor degree_linear_weights_meta(const Tensor &x, const Tensor &adjoint)
{
  return x.new_empty_symint({degree_of(x.size(1)) + 1, x.sym_size(2), adjoint.sym_size(2)});
}

// --- registration ---

#define GAUNT_CONVOLUTION_SCHEMA                                                                   \
  "Tensor features, Tensor radial, Tensor harmonics, Tensor first, Tensor neighbours, "            \
  "Tensor coupling, Tensor? table, float step"

/// Python may have registered operators of these names before: then those serve.
struct Registration {
  Registration()
  {
    if (c10::Dispatcher::singleton().findSchema({"gaunt::convolution", ""})) return;
    static torch::Library definitions(torch::Library::DEF, "gaunt", std::nullopt, __FILE__, __LINE__);
    definitions.def("convolution(" GAUNT_CONVOLUTION_SCHEMA ") -> Tensor");
    definitions.def("convolution_gradient(Tensor adjoint, " GAUNT_CONVOLUTION_SCHEMA
                    ", bool wants_features) -> (Tensor, Tensor, Tensor)");
    definitions.def("convolution_second(Tensor adjoint, " GAUNT_CONVOLUTION_SCHEMA
                    ", Tensor features_tangent, Tensor radial_tangent, Tensor harmonics_tangent)"
                    " -> (Tensor, Tensor, Tensor, Tensor)");
    definitions.def("grid_product(Tensor[] factors, Tensor? weights, Tensor evaluation, "
                    "Tensor projection) -> Tensor");
    definitions.def("grid_product_gradient(Tensor adjoint, Tensor[] factors, Tensor? weights, "
                    "Tensor evaluation, Tensor projection) -> Tensor[]");
    definitions.def("grid_product_second(Tensor adjoint, Tensor[] factors, Tensor? weights, "
                    "Tensor evaluation, Tensor projection, Tensor[] tangents) -> Tensor[]");
    definitions.def("degree_linear(Tensor x, Tensor weight) -> Tensor");
    definitions.def("degree_linear_weights(Tensor x, Tensor adjoint) -> Tensor");
    definitions.def("harmonics(Tensor vectors, int degree) -> Tensor");
    definitions.def("harmonics_gradient(Tensor adjoint, Tensor vectors) -> Tensor");
    definitions.def("harmonics_second(Tensor adjoint, Tensor vectors, Tensor tangent)"
                    " -> (Tensor, Tensor)");

    static torch::Library cpu(torch::Library::IMPL, "gaunt", c10::DispatchKey::CPU, __FILE__, __LINE__);
    cpu.impl("convolution", TORCH_FN(convolution));
    cpu.impl("convolution_gradient", TORCH_FN(convolution_gradient));
    cpu.impl("convolution_second", TORCH_FN(convolution_second));
    cpu.impl("grid_product", TORCH_FN(grid_product));
    cpu.impl("grid_product_gradient", TORCH_FN(grid_product_gradient));
    cpu.impl("grid_product_second", TORCH_FN(grid_product_second));
    cpu.impl("degree_linear", TORCH_FN(degree_linear));
    cpu.impl("degree_linear_weights", TORCH_FN(degree_linear_weights));
    cpu.impl("harmonics", TORCH_FN(harmonics));
    cpu.impl("harmonics_gradient", TORCH_FN(harmonics_gradient));
    cpu.impl("harmonics_second", TORCH_FN(harmonics_second));

    static torch::Library autograd(torch::Library::IMPL, "gaunt", c10::DispatchKey::Autograd, __FILE__, __LINE__);
    autograd.impl("convolution", TORCH_FN(convolution_autograd));
    autograd.impl("convolution_gradient", TORCH_FN(convolution_gradient_autograd));
    autograd.impl("grid_product", TORCH_FN(grid_product_autograd));
    autograd.impl("grid_product_gradient", TORCH_FN(grid_product_gradient_autograd));
    autograd.impl("degree_linear", TORCH_FN(degree_linear_autograd));
    autograd.impl("degree_linear_weights", TORCH_FN(degree_linear_weights_autograd));
    autograd.impl("harmonics", TORCH_FN(harmonics_autograd));
    autograd.impl("harmonics_gradient", TORCH_FN(harmonics_gradient_autograd));

    static torch::Library meta(torch::Library::IMPL, "gaunt", c10::DispatchKey::Meta, __FILE__, __LINE__);
    meta.impl("convolution", TORCH_FN(convolution_meta));
    meta.impl("grid_product", TORCH_FN(grid_product_meta));
    meta.impl("grid_product_gradient", TORCH_FN(grid_product_gradient_meta));
    meta.impl("degree_linear", TORCH_FN(degree_linear_meta));
    meta.impl("degree_linear_weights", TORCH_FN(degree_linear_weights_meta));
  }
} const registration;

} // namespace
