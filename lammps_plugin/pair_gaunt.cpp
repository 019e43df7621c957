// SPDX-License-Identifier: GPL-2.0-or-later

#include "pair_gaunt.h"

#include "load_engine.h"

#include "atom.h"
#include "citeme.h"
#include "comm.h"
#include "error.h"
#include "force.h"
#include "memory.h"
#include "neigh_list.h"
#include "neighbor.h"
#include "platform.h"
#include "update.h"
#include "utils.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

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
  centroidstressflag = CENTROID_NOTAVAIL;
  ghostneigh = 1;
  comm_forward = 2;  // find_images()
  if (lmp->citeme) lmp->citeme->add(cite_gaunt);
}

PairGaunt::~PairGaunt()
{
  release();
  if (allocated) {
    memory->destroy(setflag);
    memory->destroy(cutsq);
    memory->destroy(cutghost);
  }
}

/* ---------------------------------------------------------------------- input */

/// Where a file lies: as given, in LAMMPS_POTENTIALS, or among those that come with gaunt-md.
static std::string find_potential(const std::string &file)
{
  if (const auto path = utils::get_potential_file_path(file); !path.empty()) return path;
  const char *shipped = std::getenv("GAUNT_MD_POTENTIALS");
  const auto path = platform::path_join(shipped ? shipped : "", file);
  return shipped && platform::file_is_readable(path) ? path : file;
}

/// Read a potential file as a whole; returns what went wrong, or nothing.
static std::string read_potential(const std::string &file, std::string &bytes)
{
  const std::string path = find_potential(file);
  // Not a C++ stream, which does not say why it fails.
  const std::unique_ptr<FILE, int (*)(FILE *)> stream(fopen(path.c_str(), "rb"), fclose);
  if (!stream && errno == ENOENT)
    return fmt::format(
        "cannot find potential file '{}': it is neither there nor in the folders "
        "that LAMMPS_POTENTIALS and GAUNT_MD_POTENTIALS name",
        file);
  char block[65536];
  while (const auto n = stream ? fread(block, 1, sizeof(block), stream.get()) : 0)
    bytes.append(block, n);
  if (!stream || ferror(stream.get())) {
    bytes.clear();
    return fmt::format("cannot read potential file '{}': {}", path, utils::getsyserror());
  }
  return bytes.empty() ? fmt::format("potential file '{}' is empty", path) : "";
}

void PairGaunt::settings(int narg, char **arg)
{
  if (narg < 1)
    error->all(FLERR, "Pair style gaunt needs a potential file, as in: pair_style gaunt si.pt");
  if (narg > 1)
    error->all(FLERR, "Unknown keyword '{}': pair style gaunt takes a potential file only", arg[1]);
  raise_if_any(load(arg[0]));
  if (comm->me == 0)
    utils::logmesg(lmp,
                   "Pair style gaunt: {} for {}, cutoff {} Angstrom, layers {}, torch {}, "
                   "sha256 {}\n",
                   find_potential(file_name), known_elements(), description.cutoff,
                   description.layers, engine->torch_version(), description.sha256);
}

/// Load a potential on all ranks; returns what went wrong on this one, or nothing.
std::string PairGaunt::load(const std::string &file)
{
  release();
  file_name = file;
  std::string bytes, problem;
  if (comm->me == 0) problem = read_potential(file, bytes);
  broadcast(bytes);
  if (bytes.empty()) return problem;

  engine = gaunt::load_engine(problem);
  if (!engine) return problem;
  char message[GAUNT_MESSAGE_SIZE] = "";
  if (engine->load(bytes.data(), bytes.size(), file.c_str(), &potential, message)) return message;
  description = engine->describe(potential);
  return "";
}

void PairGaunt::release()
{
  if (potential) engine->release(potential);
  potential = nullptr;
  restore_ghost_shell();
  // Types have to be mapped anew to the elements of the next potential.
  if (allocated)
    for (int i = 1; i <= atom->ntypes; ++i) map_type(i, "NULL");
}

void PairGaunt::allocate()
{
  const int n = atom->ntypes + 1;
  memory->create(setflag, n, n, "pair:setflag");
  memory->create(cutsq, n, n, "pair:cutsq");
  memory->create(cutghost, n, n, "pair:cutghost");
  species_of_type.assign(n, -1);
  allocated = 1;
  for (int i = 1; i < n; ++i)
    for (int j = 1; j < n; ++j) setflag[i][j] = 0;
}

void PairGaunt::coeff(int narg, char **arg)
{
  if (!potential)
    error->all(FLERR, "Pair style gaunt has no potential: repeat pair_style gaunt FILE first");
  const int given = narg - 2;  // after * *, which LAMMPS itself insists on
  if (given != atom->ntypes)
    error->all(FLERR,
               "pair_coeff of pair style gaunt names {} element(s), but there are {} atom types: "
               "name one element, or NULL, for each type",
               given, atom->ntypes);
  if (!allocated) allocate();
  for (int type = 1; type <= atom->ntypes; ++type) map_type(type, arg[type + 1]);
}

void PairGaunt::map_type(int type, const std::string &element)
{
  species_of_type[type] = -1;
  if (element != "NULL") {
    for (int s = 0; s < description.n_elements; ++s)
      if (element == description.elements[s]) species_of_type[type] = s;
    if (species_of_type[type] < 0)
      error->all(FLERR,
                 "Potential '{}' has no element {}; it knows: {}. Name one of them, or NULL, for "
                 "atom type {}",
                 file_name, element, known_elements(), type);
  }
  for (int other = 1; other <= atom->ntypes; ++other)
    setflag[type][other] = setflag[other][type] =
        species_of_type[type] >= 0 && species_of_type[other] >= 0;
}

std::string PairGaunt::known_elements() const
{
  std::string text = description.elements[0];
  for (int s = 1; s < description.n_elements; ++s) text.append(" ").append(description.elements[s]);
  return text;
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
  const bool wide = description.layers > 1 && comm->nprocs > 1;
  neighbor->add_request(this,
                        wide ? NeighConst::REQ_FULL | NeighConst::REQ_GHOST : NeighConst::REQ_FULL);
  restore_ghost_shell();  // of an earlier run
  if (wide) widen_ghost_shell();
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
  if (vflag_atom)
    error->all(FLERR,
               "Pair style gaunt has no per-atom stress yet: remove compute stress/atom; "
               "the pressure of the whole box is exact");
  find_images();
  LocalGraph::Source source;
  source.list = list;
  source.x = atom->x;
  source.type = atom->type;
  source.species_of_type = species_of_type.data();
  source.identity = identity.data();
  source.n_all = atom->nlocal + atom->nghost;
  source.layers = description.layers;
  source.cutoff = description.cutoff * length_unit;
  source.length_unit = length_unit;
  graph.build(source);
  raise_if_any(evaluate());
  add_forces();
  if (evflag) tally();
}

/// Find out which ghosts are images of the same atom: its owner and its index there travel the way
/// of the positions.
void PairGaunt::find_images()
{
  const int n_local = atom->nlocal;
  const int n_all = n_local + atom->nghost;
  home.resize(n_all);
  identity.resize(n_all);
  for (int i = 0; i < n_local; ++i) home[i] = {comm->me, i};
  comm->forward_comm(this);

  remote.clear();
  for (int i = 0; i < n_all; ++i)
    identity[i] = home[i].rank == comm->me
                      ? home[i].index
                      : remote.try_emplace({home[i].rank, home[i].index}, i).first->second;
}

int PairGaunt::pack_forward_comm(int n, int *list, double *buf, int, int *)
{
  int m = 0;
  for (int i = 0; i < n; ++i) {
    buf[m++] = home[list[i]].rank;
    buf[m++] = home[list[i]].index;
  }
  return m;
}

void PairGaunt::unpack_forward_comm(int n, int first, double *buf)
{
  int m = 0;
  for (int i = first; i < first + n; ++i) {
    home[i].rank = static_cast<int>(buf[m++]);
    home[i].index = static_cast<int>(buf[m++]);
  }
}

/// Fill `energies` and `edge_gradients`; returns what went wrong on this rank, or nothing.
std::string PairGaunt::evaluate()
{
  energies.resize(graph.owned());
  edge_gradients.resize(3 * static_cast<std::size_t>(graph.n_edges()));
  if (graph.owned() == 0) return "";

  // A position that is no number has no neighbours and would pass for an isolated atom.
  for (int a = 0; a < graph.owned(); ++a) {
    const double *x = atom->x[graph.atoms[a]];
    if (!std::isfinite(x[0] + x[1] + x[2])) return not_finite(graph.atoms[a], "position");
  }
  const gaunt_graph view = graph.view();
  gaunt_result result = {energies.data(), edge_gradients.data()};
  char message[GAUNT_MESSAGE_SIZE] = "";
  if (engine->evaluate(potential, &view, comm->nthreads, &result, message)) return message;

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
void PairGaunt::add_forces()
{
  double **f = atom->f;
  const double force_unit = energy_unit / length_unit;
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

void PairGaunt::tally()
{
  for (int a = 0; a < graph.owned(); ++a) {
    const double energy = energy_unit * energies[a];
    if (eflag_global) eng_vdwl += energy;
    if (eflag_atom) eatom[graph.atoms[a]] += energy;
  }
  if (!vflag_global) return;
  for (int e = 0; e < graph.n_edges(); ++e) {
    const double *d = &graph.edge_vectors[3 * e];
    const double *g = &edge_gradients[3 * e];
    virial[0] -= energy_unit * d[0] * g[0];
    virial[1] -= energy_unit * d[1] * g[1];
    virial[2] -= energy_unit * d[2] * g[2];
    // Symmetric in sum, up to the rounding of the network.
    virial[3] -= energy_unit * 0.5 * (d[0] * g[1] + d[1] * g[0]);
    virial[4] -= energy_unit * 0.5 * (d[0] * g[2] + d[2] * g[0]);
    virial[5] -= energy_unit * 0.5 * (d[1] * g[2] + d[2] * g[1]);
  }
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

/* ---------------------------------------------------------------------- restart */

// A restart file holds the potential's file name, its SHA-256 and the element of each type, not
// the potential itself.

static void write_text(const std::string &text, FILE *fp)
{
  const int size = static_cast<int>(text.size());
  fwrite(&size, sizeof(int), 1, fp);
  fwrite(text.data(), 1, text.size(), fp);
}

static std::string read_text(FILE *fp, Error *error)
{
  int size = 0;
  utils::sfread(FLERR, &size, sizeof(int), 1, fp, nullptr, error);
  std::string text(size, '\0');
  utils::sfread(FLERR, text.data(), 1, size, fp, nullptr, error);
  return text;
}

void PairGaunt::write_restart_settings(FILE *fp)
{
  write_text(file_name, fp);
  write_text(description.sha256, fp);
}

void PairGaunt::read_restart_settings(FILE *fp)
{
  std::string file, sha256;
  if (comm->me == 0) {
    file = read_text(fp, error);
    sha256 = read_text(fp, error);
  }
  broadcast(file);
  broadcast(sha256);
  std::string problem = load(file);
  if (problem.empty() && sha256 != description.sha256)
    problem = fmt::format("potential file '{}' is not the one of the restart file (sha256 {})",
                          file, sha256);
  raise_if_any(problem);
}

void PairGaunt::write_restart(FILE *fp)
{
  write_restart_settings(fp);
  for (int type = 1; type <= atom->ntypes; ++type) {
    const int species = species_of_type[type];
    write_text(species < 0 ? "NULL" : description.elements[species], fp);
  }
}

void PairGaunt::read_restart(FILE *fp)
{
  read_restart_settings(fp);
  if (!allocated) allocate();
  for (int type = 1; type <= atom->ntypes; ++type) {
    std::string element;
    if (comm->me == 0) element = read_text(fp, error);
    broadcast(element);
    map_type(type, element);
  }
}

double PairGaunt::memory_usage()
{
  return Pair::memory_usage() + graph.memory_usage() +
         static_cast<double>(sizeof(Home) * home.capacity() + sizeof(int) * identity.capacity() +
                             sizeof(double) * (energies.capacity() + edge_gradients.capacity()));
}
