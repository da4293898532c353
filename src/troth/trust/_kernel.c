/* The filter, the ledger and the smoother of MEASUREMENT 4.1 to 4.4, compiled ahead.
 *
 * State of one relationship in one gauge with k facets: b = (s_1..s_k, f_1..f_k), n = 2k, mean m[n], covariance
 * P[n*n] (both triangles kept). Level of facet j: x_j = s_j + f_j. Times: microseconds since 1970, UTC.
 * _reference.py holds the same functions in NumPy; tests compare the two.
 *
 * Nothing here is allocated, shared or remembered between calls, so threads may run it side by side.
 * Built with -ffp-contract=off and without -ffast-math: every machine word width gives the same bits, and one
 * reading at a time gives the same bits as many.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#define MAX_STATE 64
#define DAY_US 86400e6

#ifndef FOR_EACH_CPU /* one build for every processor: the loader picks the widest instructions it has */
#if defined(__x86_64__) && defined(__GLIBC__) && defined(__GNUC__) && !defined(__clang__)
#define FOR_EACH_CPU __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FOR_EACH_CPU
#endif
#endif
#define INLINE static inline __attribute__((always_inline))

typedef struct {
    double mean, var, log_mass; /* of a standard normal given that it lies in (a, b]; log P(a < x <= b) */
} Truncated;

/* x -> phi(x)/Q(x) - x for x >= 5, Laplace's continued fraction 1/(x + 2/(x + 3/(x + ...))): no cancellation. */
static double mills_excess(double x) {
    double tail = x;
    for (int i = 40; i >= 2; i--) tail = x + i / tail;
    return 1.0 / tail;
}

/* Nodes and weights of Gauss-Legendre quadrature with 32 points on (-1, 1), the positive half. */
static const double NODE[16] = {
    0.048307665687738316, 0.144471961582796493, 0.239287362252137075, 0.331868602282127650,
    0.421351276130635345, 0.506899908932229390, 0.587715757240762329, 0.663044266930215201,
    0.732182118740289680, 0.794483795967942407, 0.849367613732569970, 0.896321155766052124,
    0.934906075937739689, 0.964762255587506431, 0.985611511545268335, 0.997263861849481564};
static const double WEIGHT[16] = {
    0.096540088514727801, 0.095638720079274859, 0.093844399080804566, 0.091173878695763885,
    0.087652093004403811, 0.083311924226946755, 0.078193895787070306, 0.072345794108848506,
    0.065822222776361847, 0.058684093478535547, 0.050998059262376176, 0.042835898022226681,
    0.034273862913021433, 0.025392065309262059, 0.016274394730905671, 0.007018610009470097};

/* Moments of x = a + t, 0 < t <= width, with density proportional to exp(-a t - t^2/2): narrow or far-out intervals,
 * where differences of Phi would cancel. Accurate while a*width + width^2/2 stays below about 40. */
static Truncated by_quadrature(double a, double width) {
    double mass = 0, first = 0, second = 0, half = 0.5 * width;
    double at[32], weight[32];
    for (int i = 0; i < 32; i++) {
        double t = half * (1.0 + (i < 16 ? -NODE[i] : NODE[i - 16]));
        at[i] = t;
        weight[i] = half * WEIGHT[i & 15] * exp(-a * t - 0.5 * t * t);
        mass += weight[i];
        first += weight[i] * t;
    }
    first /= mass;
    for (int i = 0; i < 32; i++) second += weight[i] * (at[i] - first) * (at[i] - first);
    return (Truncated){a + first, second / mass, log(mass) - 0.5 * a * a - 0.5 * log(2 * M_PI)};
}

/* (a, b] with width = b - a, handed in because the difference may be lost at large a. */
static Truncated truncate_normal(double a, double b, double width) {
    int mirrored = a + b < 0; /* keep the end nearer to zero on the left: a >= -b */
    if (mirrored) {
        double was_a = a;
        a = -b;
        b = -was_a;
    }
    Truncated out;
    if (isinf(a)) { /* (-inf, inf): says nothing. a = -inf implies b = inf here */
        out = (Truncated){0, 1, 0};
    } else if (a <= 5 && width >= 0.1) { /* the plain formula */
        double root = sqrt(0.5), density = 1 / sqrt(2 * M_PI);
        double pa = density * exp(-0.5 * a * a), pb = isinf(b) ? 0 : density * exp(-0.5 * b * b);
        double mass = 0.5 * (a < 0 ? erf(b * root) + erf(-a * root) : erfc(a * root) - erfc(b * root));
        double mean = (pa - pb) / mass;
        out = (Truncated){mean, 1 + (a * pa - (isinf(b) ? 0 : b * pb)) / mass - mean * mean, log(mass)};
    } else if (isinf(b) || 0.5 * width * (a + b) > 40) { /* far out, the other end too far to matter */
        double excess = mills_excess(a), rate = a + excess;
        out = (Truncated){rate, 1 - rate * excess, -0.5 * a * a - 0.5 * log(2 * M_PI) - log(rate)};
    } else {
        out = by_quadrature(a, width);
    }
    out.var = fmin(fmax(out.var, 0), 1); /* only rounding can leave these bounds */
    if (mirrored) out.mean = -out.mean;
    return out;
}

typedef struct {
    double d1, d2, loglik; /* first and second derivative of log Z by e, and log Z (4.3) */
} Evidence;

static Evidence weigh(double e, double S, double lo, double hi, double alpha, double beta) {
    if (lo == hi) {
        double miss = lo - e;
        return (Evidence){miss / S, -1 / S, -0.5 * (miss * miss / S + log(2 * M_PI * S))};
    }
    double root = sqrt(S);
    Truncated cut = truncate_normal((lo - e) / root, (hi - e) / root, (hi - lo) / root);
    double right = 1, loglik; /* right: posterior probability that the reading is no misreading */
    if (alpha > 0) {
        double mass = beta * exp(cut.log_mass);
        right = mass / (alpha + mass);
        loglik = log(alpha + mass);
    } else {
        loglik = log(beta) + cut.log_mass;
    }
    /* The d1, d2 of 4.3, written as a mixture so that nothing cancels. d2 >= -1/S, so P stays positive semidefinite. */
    double spread = right < 1 ? right * (1 - right) * cut.mean * cut.mean : 0;
    return (Evidence){right * cut.mean / root, (right * (cut.var - 1) + spread) / S, loglik};
}

/* b moves toward its mean over `days` (4.1): one factor per coordinate, P <- g g' * (P - prior) + prior. */
INLINE void decay(int k, double days, double slow_rate, double fast_rate, double *g) {
    double es = exp(-slow_rate * days), ef = exp(-fast_rate * days);
    for (int j = 0; j < k; j++) {
        g[j] = es;
        g[k + j] = ef;
    }
}

INLINE void propagate(int n, const double *g, const double *mu, const double *prior, double *m, double *P) {
    for (int i = 0; i < n; i++) {
        m[i] = mu[i] + g[i] * (m[i] - mu[i]);
        for (int j = 0; j < n; j++) P[i * n + j] = (g[i] * g[j]) * (P[i * n + j] - prior[i * n + j]) + prior[i * n + j];
    }
}

INLINE void forward(int k, int64_t groups, const int64_t *start, const int32_t *facet, const int64_t *at,
                    const double *lo, const double *hi, const double *v, const double *slope, const double *alpha,
                    const double *beta, const uint8_t *slow_only, double slow_rate, double fast_rate, const double *mu,
                    const double *prior, int64_t *time, double *mean, double *cov, int64_t *count, double *loglik,
                    const int64_t *emit, double *out_mean, double *out_var, int64_t *out_count, double *out_cov,
                    double *record) {
    const int n = 2 * k;
    double g[MAX_STATE], c[MAX_STATE];
    for (int64_t r = 0; r < groups; r++) {
        double *m = mean + r * n, *P = cov + r * n * n;
        for (int64_t i = start[r]; i < start[r + 1]; i++) {
            if (at[i] > time[r]) {
                decay(k, (double)(at[i] - time[r]) / DAY_US, slow_rate, fast_rate, g);
                propagate(n, g, mu, prior, m, P);
                time[r] = at[i];
            }
            const int s = facet[i], f = facet[i] + k;
            const double fast = slow_only[i] ? 0 : 1, h = slope[i];
            for (int j = 0; j < n; j++) c[j] = h * (P[s * n + j] + fast * P[f * n + j]);
            const double e = h * (m[s] + fast * m[f]);
            const double S = fmax(h * (c[s] + fast * c[f]), 0) + v[i];
            const Evidence got = weigh(e, S, lo[i], hi[i], alpha[i], beta[i]);
            for (int a = 0; a < n; a++) {
                m[a] += c[a] * got.d1;
                for (int j = 0; j < n; j++) P[a * n + j] += (c[a] * c[j]) * got.d2; /* c_a c_j first: stays symmetric */
            }
            loglik[r] += got.loglik;
            count[r * k + s]++;
            if (record) {
                double *to = record + i * (n + 3);
                memcpy(to, c, n * sizeof(double));
                to[n] = got.d1, to[n + 1] = got.d2, to[n + 2] = e;
            }
            if (emit[i] < 0) continue;
            const int64_t row = emit[i];
            memcpy(out_mean + row * n, m, n * sizeof(double));
            memcpy(out_count + row * k, count + r * k, k * sizeof(int64_t));
            for (int j = 0; j < k; j++)
                out_var[row * k + j] = fmax(P[j * n + j] + 2 * P[j * n + k + j] + P[(k + j) * n + k + j], 0);
            if (out_cov) memcpy(out_cov + row * n * n, P, n * n * sizeof(double));
        }
    }
}

/* READINGS, sorted by group and time, to states. time, mean, cov, count, loglik: in and out, one per group.
 * emit[i]: the row to write after reading i, or -1. out_cov and record may be null; a record row is c, d1, d2, e. */
FOR_EACH_CPU
void troth_forward(int32_t k, int64_t groups, const int64_t *start, const int32_t *facet, const int64_t *at,
                   const double *lo, const double *hi, const double *v, const double *slope, const double *alpha,
                   const double *beta, const uint8_t *slow_only, double slow_rate, double fast_rate, const double *mu,
                   const double *prior, int64_t *time, double *mean, double *cov, int64_t *count, double *loglik,
                   const int64_t *emit, double *out_mean, double *out_var, int64_t *out_count, double *out_cov,
                   double *record) {
#define RUN(K)                                                                                                        \
    forward(K, groups, start, facet, at, lo, hi, v, slope, alpha, beta, slow_only, slow_rate, fast_rate, mu, prior,   \
            time, mean, cov, count, loglik, emit, out_mean, out_var, out_count, out_cov, record)
    if (k == 10) RUN(10); /* the two sizes in use, with loop bounds the compiler knows */
    else if (k == 4) RUN(4);
    else RUN(k);
#undef RUN
}

/* The ledger's backward pass (4.4) over one group: on entry q is the score's weights on the state at time `end`; on
 * return q weighs the state before the first reading. share[i] = w_i z~_i, written (q'c)(d1 - d2 e) so that
 * readings without information (d2 = 0) need no division. Returns the part that comes from mu. */
double troth_ledger(int32_t k, int64_t readings, const int32_t *facet, const int64_t *at, const double *slope,
                    const uint8_t *slow_only, double slow_rate, double fast_rate, const double *mu, int64_t end,
                    const double *record, double *q, double *weight, double *share) {
    const int n = 2 * k;
    double g[MAX_STATE], prior_part = 0;
    for (int64_t i = readings - 1; i >= 0; i--) {
        if (end > at[i]) {
            decay(k, (double)(end - at[i]) / DAY_US, slow_rate, fast_rate, g);
            for (int j = 0; j < n; j++) {
                prior_part += q[j] * (1 - g[j]) * mu[j];
                q[j] *= g[j];
            }
            end = at[i];
        }
        const double *c = record + i * (n + 3), d1 = c[n], d2 = c[n + 1], e = c[n + 2];
        double qc = 0;
        for (int j = 0; j < n; j++) qc += q[j] * c[j];
        weight[i] = -d2 * qc;
        share[i] = qc * (d1 - d2 * e);
        q[facet[i]] += d2 * qc * slope[i];
        if (!slow_only[i]) q[facet[i] + k] += d2 * qc * slope[i];
    }
    for (int j = 0; j < n; j++) prior_part += q[j] * mu[j];
    return prior_part;
}

/* The smoother of 4.4, as the adjoint of the filter (Bryson and Frazier; Durbin and Koopman 2012, section 4.4): the
 * same moments as Rauch-Tung-Striebel with no matrix to invert and no covariance kept per reading.
 * mean and var hold filtered values at the emitted rows on entry (cov: filtered covariance), smoothed on return. */
FOR_EACH_CPU
void troth_smooth(int32_t k, int64_t groups, const int64_t *start, const int32_t *facet, const int64_t *at,
                  const double *slope, const uint8_t *slow_only, double slow_rate, double fast_rate,
                  const double *record, const int64_t *emit, const double *cov, double *mean, double *var) {
    const int n = 2 * k;
    double g[MAX_STATE], r[MAX_STATE], level[MAX_STATE], nc[MAX_STATE], N[MAX_STATE * MAX_STATE];
    for (int64_t group = 0; group < groups; group++) {
        memset(r, 0, sizeof r);
        memset(N, 0, sizeof N);
        for (int64_t i = start[group + 1] - 1; i >= start[group]; i--) {
            if (emit[i] >= 0) {
                const double *P = cov + emit[i] * n * n;
                for (int a = 0; a < n; a++) {
                    double shift = 0;
                    for (int j = 0; j < n; j++) shift += P[a * n + j] * r[j];
                    mean[emit[i] * n + a] += shift;
                }
                for (int a = 0; a < k; a++) { /* var x_a = h'Ph - (Ph)' N (Ph), h picks s_a and f_a */
                    double less = 0;
                    for (int j = 0; j < n; j++) level[j] = P[a * n + j] + P[(k + a) * n + j];
                    for (int b = 0; b < n; b++) {
                        double dot = 0;
                        for (int j = 0; j < n; j++) dot += N[b * n + j] * level[j];
                        less += level[b] * dot;
                    }
                    var[emit[i] * k + a] = fmax(level[a] + level[k + a] - less, 0);
                }
            }
            /* r <- r + h (d1 + d2 c'r);  N <- (I + d2 h c') N (I + d2 c h') - d2 h h' */
            const double *c = record + i * (n + 3), d1 = c[n], d2 = c[n + 1];
            double cr = 0, cnc = 0;
            for (int a = 0; a < n; a++) {
                nc[a] = 0;
                for (int j = 0; j < n; j++) nc[a] += N[a * n + j] * c[j];
                cr += c[a] * r[a];
                cnc += c[a] * nc[a];
            }
            const int parts[2] = {facet[i], facet[i] + k}, loads = slow_only[i] ? 1 : 2;
            for (int a = 0; a < loads; a++) {
                const int p = parts[a];
                r[p] += slope[i] * (d1 + d2 * cr);
                for (int j = 0; j < n; j++) {
                    N[p * n + j] += d2 * slope[i] * nc[j];
                    N[j * n + p] += d2 * slope[i] * nc[j];
                }
                for (int b = 0; b < loads; b++) N[p * n + parts[b]] += slope[i] * slope[i] * (d2 * d2 * cnc - d2);
            }
            if (i > start[group] && at[i] > at[i - 1]) {
                decay(k, (double)(at[i] - at[i - 1]) / DAY_US, slow_rate, fast_rate, g);
                for (int a = 0; a < n; a++) {
                    r[a] *= g[a];
                    for (int j = 0; j < n; j++) N[a * n + j] *= g[a] * g[j];
                }
            }
        }
    }
}
