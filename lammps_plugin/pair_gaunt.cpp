// SPDX-License-Identifier: GPL-2.0-or-later

#include "pair_gaunt.h"

#include "atom.h"
#include "citeme.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "update.h"
#include "utils.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

using namespace LAMMPS_NS;

// LAMMPS's Boltzmann constant in eV/K. The same constant in the units of a run says how large an
// eV is there, consistently with that run's temperature.
static constexpr double BOLTZMANN_EV = 8.617343e-5;

static const char cite_gaunt[] =
    "pair_style gaunt: Gaunt tensor products, arXiv:2401.10216\n\n"
    "@InProceedings{Luo2024,\n"
    " author =    {Shengjie Luo and Tianlang Chen and Aditi S. Krishnapriyan},\n"
    " title =     {Enabling Efficient Equivariant Operations in the {F}ourier Basis via {G}aunt"
    " Tensor Products},\n"
    " booktitle = {International Conference on Learning Representations},\n"
    " year =      2024,\n"
    " url =       {https://arxiv.org/abs/2401.10216}\n"
    "}\n\n";

PairGaunt::PairGaunt(LAMMPS *lmp) : Pair(lmp)
{
  manybody_flag = 1;
  one_coeff = 1;
  single_enable = 0;
  respa_enable = 0;
  restartinfo = 1;
  no_virial_fdotr_compute = 1;
  centroidstressflag = CENTROID_AVAIL;
  ghostneigh = 1;
  nextra = 5;
  pvector = extra;
  if (lmp->citeme) lmp->citeme->add(cite_gaunt);
}

PairGaunt::~PairGaunt()
{
  pvector = nullptr;
  release();
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
    memory->destroy(cutghost);
  }
}

/* ---------------------------------------------------------------------- before a run */

void PairGaunt::init_style()
{
  if (strcmp(update->unit_style, "lj") == 0)
    error->all(FLERR,
               "Pair style gaunt cannot be used with units lj: its potentials have units; "
               "use units metal");
  if (force->newton_pair == 0)
    error->all(FLERR,
               "Pair style gaunt requires newton pair on: write 'newton on' before the box "
               "is created");
  if (neighbor->includegroup)
    error->all(FLERR, "Pair style gaunt cannot be used with neigh_modify include");
  const bool bonded = atom->nbonds + atom->nangles + atom->ndihedrals > 0;
  for (int k = 1; k <= 3; ++k)
    if (bonded && (force->special_lj[k] != 1.0 || force->special_coul[k] != 1.0))
      error->all(FLERR,
                 "Pair style gaunt needs the pairs of bonded atoms: write "
                 "'special_bonds lj/coul 1 1 1'");

  length_unit = force->angstrom;
  energy_unit = force->boltz / BOLTZMANN_EV;
  const bool wide = !exchanges() && description.layers > 1 && comm->nprocs > 1;
  neighbor->add_request(this,
                        wide ? NeighConst::REQ_FULL | NeighConst::REQ_GHOST : NeighConst::REQ_FULL);
  restore_ghost_shell();  // of an earlier run
  if (wide) widen_ghost_shell();
}

/// Tell LAMMPS how much an atom's messages take; pair style hybrid asks when the potential is loaded.
void PairGaunt::size_buffers()
{
  features.clear(0, description.exchange_width, description.exchange_size);
  comm_forward = std::max(2, features.doubles_per_atom());  // 2 for find_images()
  comm_reverse = std::max(features.doubles_per_atom(), 3 * static_cast<int>(members.size()));
}

/// Let ghosts reach as far as the potential sees. Only the shell of ghosts grows: the neighbour
/// list keeps the cutoff of a single layer.
void PairGaunt::widen_ghost_shell()
{
  if (comm->mode != Comm::SINGLE)
    error->all(FLERR, "Pair style gaunt on several ranks requires 'comm_modify mode single'");
  const double reach = description.layers * description.cutoff * length_unit + neighbor->skin;
  if (reach <= comm->cutghostuser) return;
  narrow_shell = comm->cutghostuser;
  wide_shell = comm->cutghostuser = reach;
}

/// The next potential or pair style has its own needs; what the user set in between stays.
void PairGaunt::restore_ghost_shell()
{
  if (wide_shell > 0.0 && comm->cutghostuser == wide_shell) comm->cutghostuser = narrow_shell;
  wide_shell = 0.0;
}

double PairGaunt::init_one(int i, int j)
{
  if (setflag[i][j] == 0)
    error->all(FLERR,
               "All pair coeffs are not set: atom type {} or {} is NULL, which only works "
               "within pair style hybrid",
               i, j);
  const double cutoff = description.cutoff * length_unit;
  cutghost[i][j] = cutghost[j][i] = cutoff;
  return cutoff;
}

/* ---------------------------------------------------------------------- in a run */

void PairGaunt::compute(int eflag, int vflag)
{
  ev_init(eflag, vflag);
  const bool atomic_virial = vflag_atom || cvflag_atom;
  const bool by_layers = atomic_virial || (exchanges() && description.layers > 1 && comm->nprocs > 1);
  if (atomic_virial && description.exchange_width == 0)
    error->all(FLERR,
               "Potential file '{}' was written by an older gaunt-md, which had no per-atom stress: "
               "write it again with 'gaunt-md export'",
               members[0].file);

  const int n_all = atom->nlocal + atom->nghost;
  if (neighbor->ago == 0 || static_cast<int>(identity.size()) != n_all) find_images();
  build_graph(atomic_virial, by_layers ? 1 : description.layers);
  energies.resize(graph.owned());
  edge_gradients.resize(3 * static_cast<std::size_t>(graph.n_edges()));
  raise_if_any(check_positions());

  const int n_members = static_cast<int>(members.size());
  if (n_members > 1) deviation.begin(n_members, n_all);
  for (int m = 0; m < n_members; ++m) {
    const std::string problem = by_layers ? evaluate_by_layers(members[m], atomic_virial)
                                          : evaluate_at_once(members[m]);
    raise_if_any(problem.empty() ? check_results() : problem);
    add_forces(1.0 / n_members);
    if (evflag) tally(1.0 / n_members);
    if (atomic_virial) tally_atomic_virials(1.0 / n_members);
    if (n_members > 1) deviation.add(m, graph, edge_gradients);
  }
  if (n_members > 1) report_deviation();
}

/// An atomic virial depends on where each image is, so each becomes an atom of the graph.
void PairGaunt::build_graph(bool unfolded, int layers)
{
  LocalGraph::Source source;
  source.list = list;
  source.x = atom->x;
  source.type = atom->type;
  source.species_of_type = species_of_type.data();
  source.identity = unfolded ? themselves.data() : identity.data();
  source.n_all = atom->nlocal + atom->nghost;
  source.layers = layers;
  source.cutoff = description.cutoff * length_unit;
  source.length_unit = length_unit;
  graph.build(source);
  const int repeats = layers == 1 ? description.layers : 1;
  extra[0] = static_cast<double>(repeats * graph.updates);
  extra[1] = static_cast<double>(repeats * graph.messages);
}

/// Find out which ghosts are images of the same atom: its owner and its index there travel the way
/// of the positions.
void PairGaunt::find_images()
{
  const int n_local = atom->nlocal;
  const int n_all = n_local + atom->nghost;
  home.resize(n_all);
  identity.resize(n_all);
  themselves.resize(n_all);
  std::iota(themselves.begin(), themselves.end(), 0);
  for (int i = 0; i < n_local; ++i) home[i] = {comm->me, i};
  finding_images = true;
  forward_comm(2);
  finding_images = false;

  remote.clear();
  for (int i = 0; i < n_all; ++i)
    identity[i] = home[i].rank == comm->me
                      ? home[i].index
                      : remote.try_emplace({home[i].rank, home[i].index}, i).first->second;
}

int PairGaunt::pack_forward_comm(int n, int *list, double *buf, int, int *)
{
  if (!finding_images) return travelling->pack(n, list, buf);
  int m = 0;
  for (int i = 0; i < n; ++i) {
    buf[m++] = home[list[i]].rank;
    buf[m++] = home[list[i]].index;
  }
  return m;
}

void PairGaunt::unpack_forward_comm(int n, int first, double *buf)
{
  if (!finding_images) return travelling->unpack(n, first, buf);
  int m = 0;
  for (int i = first; i < first + n; ++i) {
    home[i].rank = static_cast<int>(buf[m++]);
    home[i].index = static_cast<int>(buf[m++]);
  }
}

int PairGaunt::pack_reverse_comm(int n, int first, double *buf)
{
  return travelling->pack_reverse(n, first, buf);
}

void PairGaunt::unpack_reverse_comm(int n, int *list, double *buf)
{
  travelling->unpack_reverse(n, list, buf);
}

/// A number of doubles per atom; LAMMPS before 2025 reads it here instead of as an argument.
void PairGaunt::forward_comm(int size)
{
  std::swap(comm_forward, size);
  comm->forward_comm(this);
  std::swap(comm_forward, size);
}

void PairGaunt::reverse_comm(int size)
{
  std::swap(comm_reverse, size);
  comm->reverse_comm(this);
  std::swap(comm_reverse, size);
}

/// A position that is no number has no neighbours and would pass for an isolated atom.
std::string PairGaunt::check_positions() const
{
  for (int a = 0; a < graph.owned(); ++a) {
    const double *x = atom->x[graph.atoms[a]];
    if (!std::isfinite(x[0] + x[1] + x[2])) return not_finite(graph.atoms[a], "position");
  }
  return "";
}

/// Fill `energies` and `edge_gradients`; returns what went wrong on this rank, or nothing.
std::string PairGaunt::evaluate_at_once(const Member &member)
{
  if (graph.owned() == 0) return "";
  const gaunt_graph view = graph.view();
  gaunt_result result = {energies.data(), edge_gradients.data(), nullptr};
  char message[GAUNT_MESSAGE_SIZE] = "";
  return engine->evaluate(member.potential, &view, comm->nthreads, &result, message) ? message : "";
}

/// The same, `edge_virials` too if they are wanted, layer after layer. Whatever happens on this
/// rank, it takes part in all communication.
std::string PairGaunt::evaluate_by_layers(const Member &member, bool atomic_virial)
{
  gaunt_graph view = graph.view();
  gaunt_result result = {energies.data(), edge_gradients.data(), nullptr};
  if (atomic_virial) {
    place_atoms();
    edge_virials.resize(9 * static_cast<std::size_t>(graph.n_edges()));
    view.positions = positions.data();
    result.edge_virials = edge_virials.data();
  }
  char message[GAUNT_MESSAGE_SIZE] = "";
  bool working = graph.owned() > 0;
  const auto does = [&](int failed) { return working = !failed; };

  for (int layer = 0; layer < description.layers; ++layer) {
    void *rows = nullptr;
    if (working) does(engine->forward(member.potential, &view, layer, comm->nthreads, &rows, message));
    if (layer + 1 < description.layers) fill_ghosts(working ? rows : nullptr);
  }
  for (int layer = description.layers - 1; layer >= 0; --layer) {
    void *rows[GAUNT_MAX_PASSES] = {};
    if (working) does(engine->backward(member.potential, layer, comm->nthreads, rows, message));
    for (int pass = 0; layer > 0 && pass < (atomic_virial ? GAUNT_MAX_PASSES : 1); ++pass)
      collect_from_ghosts(working ? rows[pass] : nullptr);
  }
  if (working) does(engine->result(member.potential, comm->nthreads, &result, message));
  return message;
}

/// Positions of the graph's atoms, from the middle of this rank's, which keeps them small.
void PairGaunt::place_atoms()
{
  positions.resize(3 * static_cast<std::size_t>(graph.n_atoms()));
  for (int k = 0; k < 3; ++k) {
    double middle = 0.0;
    for (int a = 0; a < graph.owned(); ++a) middle += atom->x[graph.atoms[a]][k] / graph.owned();
    for (int a = 0; a < graph.n_atoms(); ++a)
      positions[3 * a + k] = (atom->x[graph.atoms[a]][k] - middle) / length_unit;
  }
}

/// Features of atoms that other ranks own, or that are images, from their owners. A rank that has
/// none of its own only passes on what others send.
void PairGaunt::fill_ghosts(void *rows)
{
  features.clear(atom->nlocal + atom->nghost, description.exchange_width, description.exchange_size);
  if (rows) features.take(rows, graph.atoms, 0, graph.owned());
  forward_comm(features.doubles_per_atom());
  if (rows) features.give(rows, graph.atoms, graph.owned(), graph.n_atoms());
}

/// Gradients by those features, back to their owners, who add them.
void PairGaunt::collect_from_ghosts(void *rows)
{
  features.clear(atom->nlocal + atom->nghost, description.exchange_width, description.exchange_size);
  if (rows) features.take(rows, graph.atoms, graph.owned(), graph.n_atoms());
  reverse_comm(features.doubles_per_atom());
  if (rows) features.add_to(rows, graph.atoms, 0, graph.owned());
}

std::string PairGaunt::check_results() const
{
  for (int a = 0; a < graph.owned(); ++a)
    if (!std::isfinite(energies[a])) return not_finite(graph.atoms[a], "energy");
  for (int e = 0; e < graph.n_edges(); ++e) {
    const double *g = &edge_gradients[3 * e];
    if (!std::isfinite(g[0] + g[1] + g[2]))
      return not_finite(graph.atoms[graph.centres[e]], "force");
  }
  return "";
}

std::string PairGaunt::not_finite(int index, const char *what) const
{
  const std::string name =
      atom->tag_enable ? fmt::format("atom {}", atom->tag[index]) : std::string("an atom");
  return fmt::format(
      "the {} of {} is not a finite number at step {}: look for overlapping atoms "
      "or a time step that is too long",
      what, name, update->ntimestep);
}

/// An edge's gradient pulls its two ends. Ghosts' shares travel home in LAMMPS's own reverse
/// communication.
void PairGaunt::add_forces(double weight)
{
  double **f = atom->f;
  const double force_unit = weight * energy_unit / length_unit;
  for (int e = 0; e < graph.n_edges(); ++e) {
    double *fi = f[graph.atoms[graph.centres[e]]];
    double *fj = f[graph.atoms[graph.neighbours[e]]];
    for (int k = 0; k < 3; ++k) {
      const double pull = force_unit * edge_gradients[3 * e + k];
      fi[k] += pull;
      fj[k] -= pull;
    }
  }
}

void PairGaunt::tally(double weight)
{
  const double unit = weight * energy_unit;
  for (int a = 0; a < graph.owned(); ++a) {
    const double energy = unit * energies[a];
    if (eflag_global) eng_vdwl += energy;
    if (eflag_atom) eatom[graph.atoms[a]] += energy;
  }
  if (!vflag_global) return;
  for (int e = 0; e < graph.n_edges(); ++e) {
    const double *d = &graph.edge_vectors[3 * e];
    const double *g = &edge_gradients[3 * e];
    virial[0] -= unit * d[0] * g[0];
    virial[1] -= unit * d[1] * g[1];
    virial[2] -= unit * d[2] * g[2];
    // Symmetric in sum, up to the rounding of the network.
    virial[3] -= unit * 0.5 * (d[0] * g[1] + d[1] * g[0]);
    virial[4] -= unit * 0.5 * (d[0] * g[2] + d[2] * g[0]);
    virial[5] -= unit * 0.5 * (d[1] * g[2] + d[2] * g[1]);
  }
}

/// Virials of atoms, see gaunt_result; ghosts' shares travel home in LAMMPS's own communication.
void PairGaunt::tally_atomic_virials(double weight)
{
  const double unit = weight * energy_unit;
  // LAMMPS's order: first the index of the position, then that of the force.
  static constexpr int order[9][2] = {{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2},
                                      {1, 2}, {1, 0}, {2, 0}, {2, 1}};
  const auto add = [&](int index, const double (&w)[3][3]) {
    for (int k = 0; cvflag_atom && k < 9; ++k) cvatom[index][k] += w[order[k][0]][order[k][1]];
    for (int k = 0; vflag_atom && k < 6; ++k)
      vatom[index][k] += 0.5 * (w[order[k][0]][order[k][1]] + w[order[k][1]][order[k][0]]);
  };
  for (std::size_t e = 0; e < graph.centres.size(); ++e) {
    double of_centre[3][3], of_neighbour[3][3];
    for (int k = 0; k < 3; ++k)
      for (int m = 0; m < 3; ++m) {
        const double shared = unit * edge_virials[9 * e + 3 * k + m];
        of_centre[k][m] = -shared;
        of_neighbour[k][m] =
            shared - unit * graph.edge_vectors[3 * e + k] * edge_gradients[3 * e + m];
      }
    add(graph.atoms[graph.centres[e]], of_centre);
    add(graph.atoms[graph.neighbours[e]], of_neighbour);
  }
}

/* ---------------------------------------------------------------------- committee */

void PairGaunt::report_deviation()
{
  travelling = &deviation.forces();
  reverse_comm(3 * static_cast<int>(members.size()));
  travelling = &features;
  deviation.of_atoms.assign(std::max(atom->nlocal, 1), 0.0);
  const auto summary = deviation.finish(graph, static_cast<double>(atom->natoms), world);
  if (comm->me != 0) return;
  extra[2] = summary.max_force;
  extra[3] = summary.min_force;
  extra[4] = summary.mean_force;
  if (deviation_file.empty() || update->ntimestep % deviation_every != 0) return;
  if (!deviation_stream) {
    deviation_stream.reset(fopen(deviation_file.c_str(), "w"));
    if (!deviation_stream)
      error->one(FLERR, "Pair style gaunt cannot write '{}': {}", deviation_file,
                 utils::getsyserror());
    fputs(deviation_header().c_str(), deviation_stream.get());
  }
  fputs(deviation_line(static_cast<long>(update->ntimestep), summary).c_str(),
        deviation_stream.get());
  fflush(deviation_stream.get());
}

/// For fix pair, which asks for `deviation`, and with the flag 1 announces when it will.
void *PairGaunt::extract_peratom(const char *name, int &columns)
{
  columns = 0;
  if (strcmp(name, "deviation") != 0 || members.size() < 2) return nullptr;
  if (deviation.of_atoms.empty()) deviation.of_atoms.assign(std::max(atom->nlocal, 1), 0.0);
  return deviation.of_atoms.data();
}

void *PairGaunt::extract(const char *name, int &dimension)
{
  dimension = 0;
  return strcmp(name, "deviation_flag") == 0 ? &deviation_flag : nullptr;
}

/* ---------------------------------------------------------------------- all ranks together */

/// Stop all ranks if any of them has a problem; every rank must call this.
void PairGaunt::raise_if_any(const std::string &problem)
{
  const int candidate = problem.empty() ? comm->nprocs : comm->me;
  int first;
  MPI_Allreduce(&candidate, &first, 1, MPI_INT, MPI_MIN, world);
  if (first == comm->nprocs) return;
  char message[2 * GAUNT_MESSAGE_SIZE] = "";
  problem.copy(message, sizeof(message) - 1);
  MPI_Bcast(message, sizeof(message), MPI_CHAR, first, world);
  error->all(FLERR, std::string("Pair style gaunt: ") + message);
}

/// Give every rank the text of rank 0.
void PairGaunt::broadcast(std::string &text)
{
  bigint size = static_cast<bigint>(text.size());
  MPI_Bcast(&size, 1, MPI_LMP_BIGINT, 0, world);
  text.resize(size);
  // MPI counts in int; whoever names a large file by mistake is to be told so by the engine.
  for (bigint done = 0; done < size; done += MAXSMALLINT)
    MPI_Bcast(&text[done], static_cast<int>(std::min<bigint>(size - done, MAXSMALLINT)), MPI_CHAR,
              0, world);
}

double PairGaunt::memory_usage()
{
  return Pair::memory_usage() + graph.memory_usage() +
         features.memory_usage() +
         static_cast<double>(sizeof(Home) * home.capacity() +
                             sizeof(int) * (identity.capacity() + themselves.capacity()) +
                             sizeof(double) *
                                 (positions.capacity() + energies.capacity() +
                                  edge_gradients.capacity() + edge_virials.capacity()));
}
