/* The Dirac-GAN under noise by Euler-Maruyama steps, as a scalar C program: the peer of `gandyn bench ensemble`.
 *
 *     d theta = psi s dt + sigma dW_1,    d psi = -theta s dt + sigma dW_2,    s = 1 / (1 + exp(-theta psi))
 *
 * from (1, 1), in the sense of Ito. Paths are shared out among OpenMP threads, each with a generator of its own; only
 * last states are kept. Prints on one line: seconds of the loop, paths, then mean, variance (unbiased) and fourth
 * central moment of theta, then of psi.
 *
 *     euler_maruyama PATHS STEPS DT SIGMA SEED
 */

#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* xoshiro256++ 1.0, seeded by SplitMix64: Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators",
 * ACM Transactions on Mathematical Software 47(4). */
typedef struct {
    uint64_t s[4];
} generator;

static inline uint64_t rotated(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }

static uint64_t splitmix(uint64_t *state) {
    uint64_t z = (*state += 0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

static generator seeded(uint64_t seed, uint64_t thread) {
    /* Four words of SplitMix64 each, from places 2^40 words apart: no two threads share one. */
    uint64_t state = seed + (thread << 40) * 0x9E3779B97F4A7C15;
    generator g;
    for (int i = 0; i < 4; i++) g.s[i] = splitmix(&state);
    return g;
}

static inline uint64_t next(generator *g) {
    uint64_t *s = g->s, word = rotated(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotated(s[3], 45);
    return word;
}

/* (0, 1), from the upper 53 bits */
static inline double uniform(generator *g) { return ((double)(next(g) >> 11) + 0.5) * 0x1p-53; }

/* Ziggurat of Marsaglia and Tsang 2000 in the form of Doornik 2005, "An improved ziggurat method to generate normal
 * random samples", whose number of layers, edge and area these are: the layer comes from bits that the abscissa does
 * not use. */
#define LAYERS 128
#define EDGE 3.442619855899
#define AREA 9.91256303526217e-3

static double edge[LAYERS + 1], inner[LAYERS];

static void make_layers(void) {
    double f = exp(-0.5 * EDGE * EDGE);
    edge[0] = AREA / f; /* the lowest layer with its tail, as if it were a rectangle */
    edge[1] = EDGE;
    edge[LAYERS] = 0.0;
    for (int i = 2; i < LAYERS; i++) {
        edge[i] = sqrt(-2.0 * log(AREA / edge[i - 1] + f));
        f = exp(-0.5 * edge[i] * edge[i]);
    }
    for (int i = 0; i < LAYERS; i++) inner[i] = edge[i + 1] / edge[i];
}

/* Marsaglia 1964: the normal law beyond the edge. */
static double tail(generator *g, int negative) {
    double x, y;
    do {
        x = log(uniform(g)) / EDGE;
        y = log(uniform(g));
    } while (-2.0 * y < x * x);
    return negative ? x - EDGE : EDGE - x;
}

/* A layer, and an abscissa in [-1, 1) as a share of its edge. */
static inline int drawn(generator *g, double *u) {
    uint64_t word = next(g);
    *u = (double)((int64_t)word >> 11) * 0x1p-52;
    return (int)(word & (LAYERS - 1));
}

/* What follows an abscissa outside the inner part of its layer, once in 36 times: kept apart, so that the calls here do
 * not take registers away from the loop over the steps. */
static __attribute__((noinline)) double outside(generator *g, int i, double u) {
    for (;;) {
        if (i == 0) return tail(g, u < 0.0);
        double x = u * edge[i];
        double low = exp(-0.5 * (edge[i] * edge[i] - x * x)), high = exp(-0.5 * (edge[i + 1] * edge[i + 1] - x * x));
        if (high + uniform(g) * (low - high) < 1.0) return x;
        i = drawn(g, &u);
        if (fabs(u) < inner[i]) return u * edge[i];
    }
}

static inline double normal(generator *g) {
    double u;
    int i = drawn(g, &u);
    return fabs(u) < inner[i] ? u * edge[i] : outside(g, i, u);
}

static void print_moments(const double *y, long paths) {
    double mean = 0.0, second = 0.0, fourth = 0.0;
    for (long p = 0; p < paths; p++) mean += y[p];
    mean /= (double)paths;
    for (long p = 0; p < paths; p++) {
        double square = (y[p] - mean) * (y[p] - mean);
        second += square;
        fourth += square * square;
    }
    printf(" %.17g %.17g %.17g", mean, second / ((double)paths - 1.0), fourth / (double)paths);
}

int main(int count, char **arguments) {
    if (count != 6) {
        fprintf(stderr, "usage: %s PATHS STEPS DT SIGMA SEED\n", arguments[0]);
        return 2;
    }
    const long paths = atol(arguments[1]), steps = atol(arguments[2]);
    const double dt = atof(arguments[3]), scale = atof(arguments[4]) * sqrt(dt);
    const uint64_t seed = strtoull(arguments[5], NULL, 10);
    double *thetas = malloc(sizeof(double) * (size_t)paths), *psis = malloc(sizeof(double) * (size_t)paths);
    if (thetas == NULL || psis == NULL) {
        fprintf(stderr, "%ld last states do not fit into memory\n", paths);
        return 1;
    }
    make_layers();
    const double began = omp_get_wtime();
#pragma omp parallel
    {
        generator own = seeded(seed, (uint64_t)omp_get_thread_num());
#pragma omp for schedule(static)
        for (long p = 0; p < paths; p++) {
            double theta = 1.0, psi = 1.0;
            for (long k = 0; k < steps; k++) {
                double step = dt / (1.0 + exp(-theta * psi)), old = theta;
                theta += step * psi + scale * normal(&own);
                psi += -step * old + scale * normal(&own);
            }
            thetas[p] = theta;
            psis[p] = psi;
        }
    }
    printf("%.17g %ld", omp_get_wtime() - began, paths);
    print_moments(thetas, paths);
    print_moments(psis, paths);
    printf("\n");
    return 0;
}
