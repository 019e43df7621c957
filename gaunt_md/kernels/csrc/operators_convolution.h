// SPDX-License-Identifier: MIT
// gaunt::convolution.
#pragma once

#include "operators.h"

namespace {

/// The arguments that convolutions share; `radial` are distances if there is a table.
struct ConvolutionArguments {
  Tensor features, radial, harmonics;
  Tensor first, neighbours, coupling;
  std::optional<Tensor> table;
  double step;
};

/// Radial functions there may be for a channel: as many as degrees, or one for all of them.
int64_t functions_per_channel(const Tensor &radial, int degree)
{
  return radial.dim() > 1 && radial.size(-2) == 1 ? 1 : degree + 1;
}

/// Refuse edges that are not those of a list of centres, or end at atoms that there are not.
void check_edges(const Tensor &first, const Tensor &neighbours, int64_t atoms)
{
  check_shape("first", first, {std::max<int64_t>(first.numel(), 1)});
  const Tensor dense_first = dense(first), dense_neighbours = dense(neighbours);
  const int64_t edges = neighbours.size(0), centres = first.size(0) - 1;
  const int64_t *const ends = dense_first.const_data_ptr<int64_t>();
  TORCH_CHECK(ends[0] == 0 && ends[centres] == edges, "gaunt: the edges of all centres go from ",
              ends[0], " to ", ends[centres], ", not from 0 to ", edges);
  TORCH_CHECK(std::is_sorted(ends, ends + centres + 1),
              "gaunt: the edges of a centre end before they begin");
  if (edges == 0) return;
  const int64_t *const atom = dense_neighbours.const_data_ptr<int64_t>();
  const auto [least, largest] = std::minmax_element(atom, atom + edges);
  TORCH_CHECK(*least >= 0 && *largest < atoms, "gaunt: neighbours from ", *least, " to ", *largest,
              " where there are ", atoms, " atoms");
}

void check(const ConvolutionArguments &a)
{
  TORCH_CHECK(a.features.dim() == 3, "gaunt: features of shape ", a.features.sizes(),
              " where [atoms, coefficients, channels] is expected");
  TORCH_CHECK(a.harmonics.dim() == 2, "gaunt: harmonics of shape ", a.harmonics.sizes(),
              " where [edges, (degree + 1)^2] is expected");
  const int64_t edges = a.harmonics.size(0), channels = a.features.size(2);
  const int degree = degree_of(a.harmonics.size(1));
  TORCH_CHECK(degree <= gaunt::max_filter_degree, "gaunt: filter degree ", degree, " is above ",
              gaunt::max_filter_degree);
  if (a.table) {
    check_shape("distances", a.radial, {edges});
    const int64_t nodes = std::max<int64_t>(a.table->size(0), 2);
    check_shape("table", *a.table,
                {nodes, 3, functions_per_channel(*a.table, degree), channels});
  } else {
    check_shape("radial functions", a.radial,
                {edges, functions_per_channel(a.radial, degree), channels});
  }
  check_shape("coupling", a.coupling,
              {a.coupling.size(0), a.harmonics.size(1) * a.features.size(1)});
  check_shape("neighbours", a.neighbours, {edges});
  check_edges(a.first, a.neighbours, a.features.size(0));
}

template <class Real> class ConvolutionCall {
 public:
  ConvolutionCall(const ConvolutionArguments &a, const Tensor *tangents)
      : channels_(a.features.size(-1))
  {
    check(a);
    const bool splines = a.table.has_value();
    features = padded<Real>(a.features);
    harmonics = dense(a.harmonics);
    radial = splines ? dense(a.radial) : padded<Real>(a.radial);
    first_ = dense(a.first);
    neighbours_ = dense(a.neighbours);
    shape.channels = static_cast<int>(features.size(2));
    shape.n_features = static_cast<int>(features.size(1));
    shape.filter_degree = degree_of(harmonics.size(1));
    shape.n_radial = static_cast<int>((splines ? *a.table : radial).size(-2));
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
    (splines ? shape.distances : shape.radial).tangent =
        tangents_[1].template const_data_ptr<Real>();
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

  /// Gradients by features, radial functions and harmonics; the first is empty if nobody wants it.
  std::tuple<Tensor, Tensor, Tensor> gradient(const Tensor &adjoint, bool wants_features) const
  {
    const int64_t centres = first_.size(0) - 1, parts = parts_for(centres);
    check_shape("adjoint", adjoint, {centres, shape.n_outputs, channels_});
    const Tensor a = padded<Real>(adjoint);
    Tensor d_radial = at::empty_like(radial), d_harmonics = at::empty_like(harmonics);
    // Neighbours belong to other parts too, so every part adds to an array of its own: memory grows
    // with the number of threads.
    Tensor d_features = at::empty({wants_features ? parts : 0, features.size(0), features.size(1),
                                   features.size(2)}, features.options());
    const bool splines = shape.table != nullptr;
    in_parallel(centres, parts, [&](gaunt::Range range, int64_t part) {
      Real *own = nullptr;
      if (wants_features) {
        own = d_features.data_ptr<Real>() + part * features.numel();
        std::fill_n(own, features.numel(), Real(0));
      }
      const gaunt::ConvolutionGradient<Real> out{
          own, d_harmonics.data_ptr<Real>(), splines ? nullptr : d_radial.data_ptr<Real>(),
          splines ? d_radial.data_ptr<Real>() : nullptr};
      gaunt::kernels<Real>().convolution_gradient(shape, a.const_data_ptr<Real>(), range, out);
    });
    return {wants_features ? narrowed(sum_of_parts(d_features), channels_)
                           : at::empty({0}, features.options()),
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

struct ConvolutionGradientFunction : Function<ConvolutionGradientFunction> {
  static variable_list forward(AutogradContext *context, const Tensor &adjoint,
                               GAUNT_CONVOLUTION_PARAMETERS, bool wants_features)
  {
    at::AutoDispatchBelowADInplaceOrView below;
    context->set_materialize_grads(false);
    static const auto op =
        operator_named<decltype(convolution_gradient)>("gaunt::convolution_gradient");
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
    static const auto op =
        operator_named<decltype(convolution_second)>("gaunt::convolution_second");
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
    static const auto op =
        operator_named<decltype(convolution_gradient)>("gaunt::convolution_gradient");
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

} // namespace
