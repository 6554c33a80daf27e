// SPDX-License-Identifier: GPL-2.0-only
/* The rows of all tables of MSRs, sorted by their numbers, and the lists that user space gets. */
#include <linux/cache.h>
#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/nospec.h>
#include <linux/sort.h>
#include "msr.h"

#define MAX_ROWS	192	/* a hint has 8 bits */
#define MAX_SAVED	128
#define MAX_FEATURES	8
#define QUICK_BITS	8

struct slot {
	u32 first, last;
	const struct kvm_msr_row *row;
};

/* Made when the module is loaded, and then only read. */
static struct slot slots[MAX_ROWS] __ro_after_init;
static u32 saved[MAX_SAVED] __ro_after_init, features[MAX_FEATURES] __ro_after_init;
static unsigned int nr_slots __ro_after_init, nr_saved __ro_after_init,
		    nr_features __ro_after_init;
/* By a hash of the number: the slot to look at first. Of MSRs with one hash the first listed. */
static u8 quick[1 << QUICK_BITS] __ro_after_init;

static int __init by_index(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->first < y->first ? -1 : x->first > y->first;
}

static int __init list_row(const struct kvm_msr_row *row, u32 last)
{
	u32 index;

	if (row->feature_place > MAX_FEATURES)
		return -EINVAL;
	if (row->feature_place) {
		features[row->feature_place - 1] = row->first;
		nr_features++;
	}
	if (!(row->flags & KVM_MSR_SAVED) || (row->offered && !row->offered()))
		return 0;
	for (index = row->first; index <= last; index++) {
		if (nr_saved == MAX_SAVED)
			return -EINVAL;
		saved[nr_saved++] = index;
	}
	return 0;
}

static int __init add_row(const struct kvm_msr_row *row)
{
	u32 last = row->last ?: row->first;

	if (nr_slots == MAX_ROWS || last < row->first)
		return -EINVAL;
	slots[nr_slots++] = (struct slot) { row->first, last, row };
	return list_row(row, last);
}

static const struct slot *search(u32 index)
{
	unsigned int at = 0, left = nr_slots, half;

	/* The slot, if any, is one of @left from @at on. */
	while (left > 1) {
		half = left / 2;
		if (index >= slots[at + half].first)
			at += half;
		left -= half;
	}
	return &slots[array_index_nospec(at, MAX_ROWS)];
}

/* For all MSRs of @row. 0 is a hint that nobody has set, or that of slot 0, which may be lost. */
static void __init hint_row(const struct kvm_msr_row *row)
{
	u32 index, last = row->last ?: row->first;
	u8 *hint;

	for (index = row->first; index <= last; index++) {
		hint = &quick[hash_32(index, QUICK_BITS)];
		if (!*hint)
			*hint = search(index) - slots;
	}
}

/**
 * kvm_msr_index - sort the rows and make the lists, when the module is loaded
 * @tables: the tables, in the order of the list of saved MSRs
 * @count: how many
 *
 * Return: 0, or -EINVAL if there are too many rows, or an MSR is in two.
 */
int __init kvm_msr_index(const struct kvm_msr_table *const *tables, unsigned int count)
{
	unsigned int i, t;
	int r;

	for (t = 0; t < count; t++)
		for (i = 0; i < tables[t]->count; i++) {
			r = add_row(&tables[t]->row[i]);
			if (r)
				return r;
		}
	sort(slots, nr_slots, sizeof(*slots), by_index, NULL);
	for (i = 1; i < nr_slots; i++)
		if (slots[i].first <= slots[i - 1].last)
			return -EINVAL;
	for (t = 0; t < count; t++)
		for (i = 0; i < tables[t]->count; i++)
			hint_row(&tables[t]->row[i]);
	return 0;
}

/**
 * kvm_msr_find - the row of an MSR
 * @index: the number, a guest's or user space's
 *
 * Context: any.
 * Return: the row, or NULL if there is no such MSR.
 */
const struct kvm_msr_row *kvm_msr_find(u32 index)
{
	const struct slot *slot = &slots[quick[hash_32(index, QUICK_BITS)]];

	if (index < slot->first || index > slot->last) {
		slot = search(index);
		if (index < slot->first || index > slot->last)
			return NULL;
	}
	return slot->row;
}

/**
 * kvm_msr_saved_list - what KVM_GET_MSR_INDEX_LIST gives
 * @list: receives the MSRs
 *
 * Return: how many there are.
 */
unsigned int kvm_msr_saved_list(const u32 **list)
{
	*list = saved;
	return nr_saved;
}

/**
 * kvm_msr_feature_list - what KVM_GET_MSR_FEATURE_INDEX_LIST gives
 * @list: receives the MSRs
 *
 * Return: how many there are.
 */
unsigned int kvm_msr_feature_list(const u32 **list)
{
	*list = features;
	return nr_features;
}
