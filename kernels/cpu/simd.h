/* Small helpers on vectors, static and inlined. */
static inline vec R(splat)(real x)
{
    return (vec){0} + x;
}

/* Elementwise choice: where m is true (all bits set) a, else b. */
static inline vec R(choose)(mask m, vec a, vec b)
{
    return (vec)((m & (mask)a) | (~m & (mask)b));
}

static inline real R(sum_lanes)(vec v)
{
    real total = 0;
    for (int i = 0; i < LANES; i++)
        total += v[i];
    return total;
}

static inline real R(max_lanes)(vec v)
{
    real most = v[0];
    for (int i = 1; i < LANES; i++)
        most = v[i] > most ? v[i] : most;
    return most;
}
