/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dojo_packet.h"
#include "reference.h"

static int exponent_bits(unsigned int format)
{
	switch (format) {
	case DOJO_FORMAT_BF16:
		return 8;
	case DOJO_FORMAT_FP16:
	case DOJO_FORMAT_CFLOAT16_SHP:
	case DOJO_FORMAT_CFLOAT8_152:
		return 5;
	case DOJO_FORMAT_CFLOAT8_143:
		return 4;
	default:
		return 6;
	}
}

static int mantissa_bits(unsigned int format)
{
	switch (format) {
	case DOJO_FORMAT_BF16:
		return 7;
	case DOJO_FORMAT_CFLOAT8_143:
		return 3;
	case DOJO_FORMAT_CFLOAT8_152:
		return 2;
	default:
		return 10;
	}
}

static int fixed_bias(unsigned int format, unsigned int bias)
{
	switch (format) {
	case DOJO_FORMAT_BF16:
		return 127;
	case DOJO_FORMAT_FP16:
		return 15;
	case DOJO_FORMAT_CFLOAT16_UHP:
		return 31;
	default:
		return (int)bias;
	}
}

static bool has_inf(unsigned int format)
{
	return format == DOJO_FORMAT_BF16 || format == DOJO_FORMAT_FP16 ||
	       format == DOJO_FORMAT_CFLOAT16_UHP;
}

static bool is_int(unsigned int format)
{
	return format == DOJO_FORMAT_INT8 || format == DOJO_FORMAT_INT32;
}

void ref_format_init(struct ref_format *f, unsigned int format, unsigned int bias)
{
	int e = exponent_bits(format), m = mantissa_bits(format);
	int b = fixed_bias(format, bias);

	memset(f, 0, sizeof(*f));
	f->format = format;
	f->bias = bias;
	f->size = format == DOJO_FORMAT_FP32 || format == DOJO_FORMAT_INT32 ? 4 :
		  format == DOJO_FORMAT_CFLOAT8_143 || format == DOJO_FORMAT_CFLOAT8_152 ||
		  format == DOJO_FORMAT_INT8 ? 1 : 2;
	if (is_int(format) || format == DOJO_FORMAT_FP32)
		return;
	f->codes = 1u << (e + m);
	if (has_inf(format))
		f->codes -= 1u << m;
	f->value = malloc(f->codes * sizeof(double));
	f->normal = ldexp(1, 1 - b);
	for (uint32_t c = 0; c < f->codes; c++) {
		int exp = (int)(c >> m);
		double frac = ldexp((double)(c & ((1u << m) - 1)), -m);

		if (exp)
			f->value[c] = ldexp(1 + frac, exp - b);
		else if (format == DOJO_FORMAT_CFLOAT16_UHP)
			f->value[c] = 0;
		else
			f->value[c] = ldexp(frac, 1 - b);
	}
	f->end = 2 * f->value[f->codes - 1] - f->value[f->codes - 2];
}

void ref_format_fini(struct ref_format *f)
{
	free(f->value);
}

static float with_sign(float x, bool negative)
{
	return copysignf(x, negative ? -1.0f : 1.0f);
}

float ref_decode(const struct ref_format *f, uint32_t code)
{
	bool negative = false;
	uint32_t mag = code;
	float x;

	if (f->format == DOJO_FORMAT_FP32) {
		memcpy(&x, &code, 4);
		return x;
	}
	if (f->format == DOJO_FORMAT_INT8)
		return (float)(int8_t)code;
	if (f->format == DOJO_FORMAT_INT32)
		return (float)(int32_t)code;
	if (f->format != DOJO_FORMAT_CFLOAT16_UHP) {
		uint32_t top = 1u << (8 * f->size - 1);

		negative = code & top;
		mag = code & (top - 1);
	}
	if (mag < f->codes)
		return with_sign((float)f->value[mag], negative);
	return with_sign(mag == f->codes ? INFINITY : NAN, negative);
}

bool ref_code_is_subnormal(const struct ref_format *f, uint32_t code)
{
	uint32_t mag;

	if (is_int(f->format))
		return false;
	if (f->format == DOJO_FORMAT_FP32)
		return (code & 0x7f800000) == 0 && (code & 0x7fffff);
	mag = f->format == DOJO_FORMAT_CFLOAT16_UHP ? code :
	      code & ((1u << (8 * f->size - 1)) - 1);
	return mag && mag < 1u << mantissa_bits(f->format);
}

/* Above or below: @low <= a < @high, both on the grid, the code of low even? */
static bool goes_up(double a, double low, double high, bool low_even, const uint32_t *word)
{
	if (a == low)
		return false;
	if (word)
		return *word + floor((a - low) / (high - low) * 0x1p32) >= 0x1p32;
	if (2 * a == low + high)
		return !low_even;
	return 2 * a > low + high;
}

static uint32_t encode_int(const struct ref_format *f, float x, const uint32_t *word,
			   unsigned int *flags)
{
	double a = fabs((double)x), low = floor(a), top, v;

	if (isnan(x)) {
		*flags |= REF_INVALID;
		return 0;
	}
	top = f->format == DOJO_FORMAT_INT8 ? 127 : 2147483647;
	v = isinf(x) ? a : low + goes_up(a, low, low + 1, fmod(low, 2) == 0, word);
	if (signbit(x))
		v = -v;
	if (v > top || v < -top - 1) {
		*flags |= REF_OVERFLOW;
		v = v > 0 ? top : -top - 1;
	}
	return (uint32_t)(int32_t)v & (f->size == 1 ? 0xff : 0xffffffff);
}

uint32_t ref_encode(const struct ref_format *f, float x, const uint32_t *word,
		    unsigned int *flags)
{
	double a = fabs((double)x), grid[2];
	bool negative = signbit(x), uhp = f->format == DOJO_FORMAT_CFLOAT16_UHP;
	uint32_t sign = negative && !uhp ? 1u << (8 * f->size - 1) : 0;
	uint32_t max = f->codes - 1, low, high, code;
	int m;

	*flags = 0;
	if (a > 0 && a < FLT_MIN)
		*flags |= REF_DENORMAL;
	if (is_int(f->format))
		return encode_int(f, x, word, flags);
	m = mantissa_bits(f->format);

	if (isnan(x)) {
		if (has_inf(f->format))
			return f->codes | 1u << (m - 1);
		*flags |= REF_INVALID;
		return sign | max;
	}
	if (uhp && negative) {
		if (a > 0)
			*flags |= REF_INVALID;
		return 0;
	}
	if (isinf(x)) {
		if (has_inf(f->format))
			return sign | f->codes;
		*flags |= REF_OVERFLOW;
		return sign | max;
	}

	if (a >= f->end) {
		code = f->codes;
	} else if (uhp && a < f->normal) {
		/* Rounded as if there were denormals; those that result become 0 */
		double unit = ldexp(f->normal, -m);
		double q = floor(a / unit);

		code = (uint32_t)q + goes_up(a, q * unit, (q + 1) * unit,
					     fmod(q, 2) == 0, word);
		if (code < 1u << m)
			code = 0;
	} else {
		/* The last value that is not above a */
		for (low = uhp ? 1u << m : 0, high = f->codes; high - low > 1; ) {
			uint32_t mid = (low + high) / 2;

			if (f->value[mid] <= a)
				low = mid;
			else
				high = mid;
		}
		grid[0] = f->value[low];
		grid[1] = low == max ? f->end : f->value[low + 1];
		code = low + goes_up(a, grid[0], grid[1], low % 2 == 0, word);
	}
	if (code > max) {
		*flags |= REF_OVERFLOW;
		return sign | (has_inf(f->format) ? f->codes : max);
	}
	if (a > 0 && a < f->normal && f->value[code] != a)
		*flags |= REF_UNDERFLOW;
	return sign | code;
}

void ref_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
	uint64_t c[4] = { counter[0], counter[1], counter[2], counter[3] };
	uint64_t k[2] = { key[0], key[1] };

	for (int round = 0; round < 10; round++) {
		uint64_t a = c[0] * 0xD2511F53, b = c[2] * 0xCD9E8D57;
		uint64_t n[4] = {
			(b >> 32) ^ c[1] ^ k[0], b & 0xffffffff,
			(a >> 32) ^ c[3] ^ k[1], a & 0xffffffff,
		};

		memcpy(c, n, sizeof(c));
		k[0] = (k[0] + 0x9E3779B9) & 0xffffffff;
		k[1] = (k[1] + 0xBB67AE85) & 0xffffffff;
	}
	for (int i = 0; i < 4; i++)
		out[i] = (uint32_t)c[i];
}

uint32_t ref_random(uint64_t seed, uint64_t index, unsigned int use)
{
	uint64_t set = index / 32, place = index % 32, at = 4 * set + place % 16 / 4;
	uint32_t counter[4] = { (uint32_t)at, (uint32_t)(at >> 32), use, 0 };
	uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };
	uint32_t out[4], low, high;

	ref_philox(counter, key, out);
	low = out[place % 4] % 65536;
	high = out[place % 4] / 65536;
	return place < 16 ? high * 65536 + low : low * 65536 + high;
}

float ref_canon(float x)
{
	uint32_t nan = 0x7fc00000;

	if (isnan(x))
		memcpy(&x, &nan, 4);
	return x;
}

float ref_sum(const float *x, size_t n)
{
	float part[16] = {};

	for (size_t i = 0; i < n; i++)
		part[i % 16] += x[i];
	for (int half = 8; half; half /= 2)
		for (int i = 0; i < half; i++)
			part[i] += part[i + half];
	return part[0];
}

float ref_dot(const float *a, const float *b, size_t n)
{
	float part[16] = {};

	for (size_t i = 0; i < n; i++)
		part[i % 16] = fmaf(a[i], b[i], part[i % 16]);
	for (int half = 8; half; half /= 2)
		for (int i = 0; i < half; i++)
			part[i] += part[i + half];
	return part[0];
}

bool ref_greater(float x, float best)
{
	return isnan(x) ? !isnan(best) : x > best;
}

float ref_max2(float a, float b)
{
	if (isnan(a) || isnan(b))
		return NAN;
	if (a == b)
		return signbit(a) ? b : a;
	return a > b ? a : b;
}

float ref_min2(float a, float b)
{
	return -ref_max2(-a, -b);
}
