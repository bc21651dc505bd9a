// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands.h"
#include "fdinfo.h"
#include "json.h"
#include "machine.h"
#include "options.h"
#include "progress.h"
#include "report.h"
#include "table.h"

#define NODES_MAX	64

/**
 * struct node - an accel node of any driver
 * @temperature, @power: degrees Celsius and watts of its card, NAN if unknown
 */
struct node {
	uint32_t index;
	char driver[32];
	char pci[32];
	double temperature;
	double power;
};

/**
 * struct sample - what there was at @time (monotonic seconds)
 */
struct sample {
	double time;
	struct node nodes[NODES_MAX];
	size_t node_count;
	struct fdinfo_client *clients;
	size_t client_count;
};

/* ------------------------------------------------------------- sampling */

/* the last folder of the link @name that looks like a PCI address, or "" */
static void find_pci(char *pci, size_t size, const char *name)
{
	char path[512], target[512], *save, *part;
	unsigned int a, b, c, d;
	ssize_t n;

	*pci = '\0';
	if (sysfs_path(path, sizeof(path), "class/accel/%s", name))
		return;
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	for (part = strtok_r(target, "/", &save); part; part = strtok_r(NULL, "/", &save)) {
		if (strlen(part) < size && sscanf(part, "%x:%x:%x.%x", &a, &b, &c, &d) == 4)
			strcpy(pci, part);
	}
}

/* the first hwmon value of that name of a card, divided by @scale */
static double read_hwmon(const char *pci, const char *attribute, double scale)
{
	char path[512], text[64];
	struct dirent *entry;
	double value = NAN;
	DIR *dir;

	if (!pci[0] || sysfs_path(path, sizeof(path), "bus/pci/devices/%s/hwmon", pci))
		return NAN;
	dir = opendir(path);
	if (!dir)
		return NAN;
	while (isnan(value) && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' &&
		    !sysfs_read(text, sizeof(text), "bus/pci/devices/%s/hwmon/%s/%s", pci,
				entry->d_name, attribute))
			value = strtod(text, NULL) / scale;
	}
	closedir(dir);
	return value;
}

static void read_driver(struct node *node, const char *name)
{
	char path[512], target[512];
	const char *last;
	ssize_t n = -1;

	node->driver[0] = '\0';
	if (!sysfs_path(path, sizeof(path), "class/accel/%s/device/driver", name))
		n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = '\0';
	last = strrchr(target, '/');
	snprintf(node->driver, sizeof(node->driver), "%.31s", last ? last + 1 : target);
}

static int by_index(const void *a, const void *b)
{
	const struct node *x = a, *y = b;

	return x->index < y->index ? -1 : x->index > y->index;
}

static void sample_nodes(struct sample *s)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;

	s->node_count = 0;
	if (sysfs_path(path, sizeof(path), "class/accel"))
		return;
	dir = opendir(path);
	if (!dir)
		return;
	while (s->node_count < NODES_MAX && (entry = readdir(dir))) {
		struct node *node = &s->nodes[s->node_count];

		if (sscanf(entry->d_name, "accel%u", &node->index) != 1)
			continue;
		read_driver(node, entry->d_name);
		find_pci(node->pci, sizeof(node->pci), entry->d_name);
		node->temperature = read_hwmon(node->pci, "temp1_input", 1e3);
		node->power = read_hwmon(node->pci, "power1_input", 1e6);
		s->node_count++;
	}
	closedir(dir);
	qsort(s->nodes, s->node_count, sizeof(*s->nodes), by_index);
}

static int sample_take(struct sample *s)
{
	int err;

	s->time = now_seconds();
	sample_nodes(s);
	err = fdinfo_scan(&s->clients, &s->client_count);
	return err ? fail("cannot read /proc: %s", strerror(-err)) : 0;
}

/* ------------------------------------------------------------ comparing */

static const struct fdinfo_client *same_client(const struct sample *s,
					       const struct fdinfo_client *c)
{
	for (size_t i = 0; i < s->client_count; i++) {
		if (s->clients[i].node == c->node && s->clients[i].id == c->id)
			return &s->clients[i];
	}
	return NULL;
}

/* percent of an engine since the sample @before; NAN for a client that is new */
static double busy_percent(const struct sample *before, const struct fdinfo_client *c,
			   unsigned int engine)
{
	const struct fdinfo_client *old = same_client(before, c);
	const struct fdinfo_engine *e = &c->engines[engine];
	double seconds = old ? c->time - old->time : 0;

	if (!old || engine >= old->engine_count || strcmp(old->engines[engine].name, e->name) ||
	    e->busy_ns < old->engines[engine].busy_ns || seconds <= 0)
		return NAN;
	return (e->busy_ns - old->engines[engine].busy_ns) / 1e7 / seconds / e->capacity;
}

/* of all clients that can be seen */
static double node_percent(const struct sample *before, const struct sample *after, uint32_t node,
			   const char *engine)
{
	double sum = 0;

	for (size_t i = 0; i < after->client_count; i++) {
		const struct fdinfo_client *c = &after->clients[i];

		for (unsigned int e = 0; c->node == node && e < c->engine_count; e++) {
			double busy = busy_percent(before, c, e);

			if (!strcmp(c->engines[e].name, engine) && isfinite(busy))
				sum += busy;
		}
	}
	return sum;
}

/* engines of a node, as its clients name them; returns how many */
static unsigned int node_engines(const struct sample *s, uint32_t node,
				 const struct fdinfo_engine **engines)
{
	unsigned int n = 0;

	for (size_t i = 0; i < s->client_count; i++) {
		const struct fdinfo_client *c = &s->clients[i];

		for (unsigned int e = 0; c->node == node && e < c->engine_count; e++) {
			unsigned int k = 0;

			while (k < n && strcmp(engines[k]->name, c->engines[e].name))
				k++;
			if (k == n && n < FDINFO_ENGINES_MAX)
				engines[n++] = &c->engines[e];
		}
	}
	return n;
}

/* -------------------------------------------------------------- showing */

static void append(char *text, size_t size, const char *name, double percent)
{
	size_t n = strlen(text);

	if (isfinite(percent))
		snprintf(text + n, size - n, "%s%s %.1f %%", n ? ", " : "", name, percent);
	else
		snprintf(text + n, size - n, "%s%s -", n ? ", " : "", name);
}

static void append_bytes(char *text, size_t size, const struct fdinfo_region *r)
{
	uint64_t bytes = r->resident != UINT64_MAX ? r->resident : r->total;
	size_t n = strlen(text);
	char figure[24];

	if (bytes && bytes != UINT64_MAX)
		snprintf(text + n, size - n, "%s%s %s", n ? ", " : "", r->name,
			 format_bytes(figure, sizeof(figure), bytes));
}

static void show_nodes(struct table *t, const struct sample *before, const struct sample *after)
{
	table_row(t, "NODE", "DRIVER", "CARD", "TEMPERATURE", "POWER", "BUSY");
	for (size_t i = 0; i < after->node_count; i++) {
		const struct node *node = &after->nodes[i];
		const struct fdinfo_engine *engines[FDINFO_ENGINES_MAX];
		unsigned int n = node_engines(after, node->index, engines);
		char name[24], heat[24], power[24], busy[256] = "";

		snprintf(name, sizeof(name), "accel%u", node->index);
		snprintf(heat, sizeof(heat), "%.1f °C", node->temperature);
		snprintf(power, sizeof(power), "%.0f W", node->power);
		for (unsigned int e = 0; e < n; e++)
			append(busy, sizeof(busy), engines[e]->name,
			       node_percent(before, after, node->index, engines[e]->name));
		table_row(t, name, node->driver, node->pci[0] ? node->pci : NULL,
			  isfinite(node->temperature) ? heat : NULL,
			  isfinite(node->power) ? power : NULL, busy[0] ? busy : "no clients");
	}
}

static void show_clients(struct table *t, const struct sample *before, const struct sample *after)
{
	table_row(t, "PID", "COMMAND", "NODE", "BUSY", "MEMORY");
	for (size_t i = 0; i < after->client_count; i++) {
		const struct fdinfo_client *c = &after->clients[i];
		char pid[24], name[24], busy[256] = "", memory[256] = "";

		snprintf(pid, sizeof(pid), "%d", (int)c->pid);
		snprintf(name, sizeof(name), "accel%u", c->node);
		for (unsigned int e = 0; e < c->engine_count; e++)
			append(busy, sizeof(busy), c->engines[e].name, busy_percent(before, c, e));
		for (unsigned int r = 0; r < c->region_count; r++)
			append_bytes(memory, sizeof(memory), &c->regions[r]);
		table_row(t, pid, c->command, name, busy[0] ? busy : NULL,
			  memory[0] ? memory : NULL);
	}
}

static int show_tables(const struct sample *before, const struct sample *after, bool redraw)
{
	struct table nodes, clients;

	table_init(&nodes, "lllrrl");
	table_init(&clients, "rllll");
	show_nodes(&nodes, before, after);
	show_clients(&clients, before, after);
	if (redraw)
		fputs("\033[H\033[J", stdout);
	if (table_print(&nodes, stdout))
		return fail("out of memory");
	putchar('\n');
	if (table_print(&clients, stdout))
		return fail("out of memory");
	fflush(stdout);
	return 0;
}

static void json_client(cJSON *o, const struct sample *before, const struct fdinfo_client *c)
{
	char node[40];
	cJSON *list;

	json_u64(o, "pid", c->pid);
	json_string(o, "process", c->command);
	snprintf(node, sizeof(node), "/dev/accel/accel%u", c->node);
	json_string(o, "device_node", node);
	json_string(o, "driver", c->driver);
	json_u64(o, "client_id", c->id);
	list = json_array(o, "engines");
	for (unsigned int e = 0; e < c->engine_count; e++) {
		cJSON *engine = json_append_object(list);

		json_string(engine, "name", c->engines[e].name);
		json_u64(engine, "capacity", c->engines[e].capacity);
		json_u64(engine, "busy_ns", c->engines[e].busy_ns);
		json_double(engine, "busy_percent", busy_percent(before, c, e));
	}
	list = json_array(o, "memory");
	for (unsigned int r = 0; r < c->region_count; r++) {
		const struct fdinfo_region *region = &c->regions[r];
		cJSON *m = json_append_object(list);

		json_string(m, "region", region->name);
		if (region->total != UINT64_MAX)
			json_u64(m, "total_bytes", region->total);
		else
			json_null(m, "total_bytes");
		if (region->resident != UINT64_MAX)
			json_u64(m, "resident_bytes", region->resident);
		else
			json_null(m, "resident_bytes");
	}
}

static int show_json(const struct sample *before, const struct sample *after)
{
	cJSON *root = json_document("top"), *nodes, *clients;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	json_double(root, "unix_seconds", now.tv_sec + now.tv_nsec / 1e9);
	json_double(root, "interval_seconds", after->time - before->time);
	nodes = json_array(root, "nodes");
	for (size_t i = 0; i < after->node_count; i++) {
		const struct node *node = &after->nodes[i];
		const struct fdinfo_engine *engines[FDINFO_ENGINES_MAX];
		unsigned int n = node_engines(after, node->index, engines);
		cJSON *o = json_append_object(nodes), *list;
		char path[40];

		snprintf(path, sizeof(path), "/dev/accel/accel%u", node->index);
		json_string(o, "device_node", path);
		json_string(o, "driver", node->driver[0] ? node->driver : NULL);
		json_string(o, "pci", node->pci[0] ? node->pci : NULL);
		json_double(o, "temperature_celsius", node->temperature);
		json_double(o, "power_watts", node->power);
		list = json_array(o, "engines");
		for (unsigned int e = 0; e < n; e++) {
			cJSON *engine = json_append_object(list);

			json_string(engine, "name", engines[e]->name);
			json_u64(engine, "capacity", engines[e]->capacity);
			json_double(engine, "busy_percent",
				    node_percent(before, after, node->index, engines[e]->name));
		}
	}
	clients = json_array(root, "clients");
	for (size_t i = 0; i < after->client_count; i++)
		json_client(json_append_object(clients), before, &after->clients[i]);
	return json_print(stdout, root, true) ? EXIT_FAILURE : 0;
}

static void wait_seconds(double seconds)
{
	struct timespec ts = {
		.tv_sec = seconds,
		.tv_nsec = (seconds - floor(seconds)) * 1e9,
	};

	nanosleep(&ts, NULL);
}

int cmd_top(int argc, char **argv)
{
	bool json = false, terminal = isatty(STDOUT_FILENO);
	unsigned int count = 0;
	double interval = 1;
	const struct option options[] = {
		{ "interval", 'i', OPTION_NUMBER, &interval, "SECONDS", "between two looks (1)" },
		{ "count", 'n', OPTION_COUNT, &count, "N", "stop after that many" },
		{ "json", 0, OPTION_FLAG, &json, NULL, "a line of JSON each time, schema dojo/1" },
		{ 0 }
	};
	const struct usage usage = {
		.command = "top",
		.summary =
			"Show who keeps accelerators busy: every accel driver that tells. Other users' processes\n"
			"are seen by root only. On a terminal until interrupted, else once.",
		.options = options,
	};
	struct sample samples[2] = { 0 };
	unsigned int now = 0, shown = 0;
	int n, status;

	if (!options_parse(&usage, argc, argv, &n, &status))
		return status;
	if (!(interval >= 0.05 && interval <= 86400))
		return usage_error(&usage, "--interval takes 0.05 to 86400 seconds");
	if (!count && !json && !terminal)
		count = 1;
	status = sample_take(&samples[now]);
	if (!status && !samples[now].node_count)
		status = fail_no_device();
	while (!status && (!count || shown < count)) {
		wait_seconds(interval);
		free(samples[!now].clients);
		now = !now;
		status = sample_take(&samples[now]);
		if (status)
			break;
		status = json ? show_json(&samples[!now], &samples[now]) :
				show_tables(&samples[!now], &samples[now], terminal && count != 1);
		shown++;
	}
	free(samples[0].clients);
	free(samples[1].clients);
	return status;
}
