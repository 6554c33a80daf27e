// SPDX-License-Identifier: GPL-2.0-only
/* The reference of mmu_model, and the user space that it knows of. */
#include "mmu_ref.h"

struct ref_slot ref_slot[REF_SLOTS];
static bool slots_change;		/* slots are created or moved one at a time */

static u64 below(u64 n)
{
	return rng_below(&fiber_rng, n);
}

static bool chance(unsigned int percent)
{
	return rng_chance(&fiber_rng, percent);
}

void ref_init(void)
{
	memset(ref_slot, 0, sizeof(ref_slot));
	slots_change = false;
}

static bool has(const struct ref_at *at, gfn_t gfn)
{
	return at->valid && gfn >= at->gfn && gfn - at->gfn < at->npages;
}

#define for_each_slot(s)	for ((s) = ref_slot; (s) < ref_slot + REF_SLOTS; (s)++)

/* --- what is true --- */

bool ref_is_memory(gfn_t gfn)
{
	struct ref_slot *s;

	for_each_slot(s)
		if (!s->changing && has(&s->now, gfn))
			return true;
	return false;
}

void ref_begin(struct ref_moment *m, gfn_t gfn)
{
	struct ref_slot *s;

	*m = (struct ref_moment) { .gfn = gfn, .host_changes = host_changes };
	for_each_slot(s) {
		if (!s->changing && has(&s->now, gfn)) {
			m->slot = s;
			m->version = s->version;
		}
	}
}

bool ref_was_memory(const struct ref_moment *m, bool write)
{
	const struct ref_slot *s = m->slot;

	return s && s->version == m->version && !s->changing &&
	       !(write && (s->now.flags & KVM_MEM_READONLY));
}

bool ref_was_mapped(const struct ref_moment *m, bool write)
{
	unsigned int i;

	if (!ref_was_memory(m, write) || m->host_changes != host_changes)
		return false;
	i = m->slot->now.page + m->gfn - m->slot->now.gfn;
	return host_vma[i / 512].mapped && (!write || host_vma[i / 512].writable) &&
	       !host_pte[i].poisoned;
}

static bool being_written(gfn_t gfn)
{
	int i;

	for (i = 0; i < CPUS; i++)
		if (model_cpu[i].writing && model_cpu[i].target == gfn)
			return true;
	return false;
}

void ref_attempt(gfn_t gfn)
{
	struct ref_slot *s;

	host_stamp++;
	for_each_slot(s) {
		if (has(&s->now, gfn))
			s->tried[gfn - s->now.gfn] = host_stamp;
		if (s->changing && has(&s->next, gfn))
			s->tried[gfn - s->next.gfn] = host_stamp;
	}
}

static const char *reaches(const struct ref_at *at, gfn_t gfn, u64 pfn, bool write)
{
	const struct host_pte *p;

	if (!has(at, gfn))
		return "no slot has it";
	p = &host_pte[at->page + gfn - at->gfn];
	if (p->pfn != pfn)
		return "the host maps another page there";
	if (p->invalid)
		return "the host is about to change it";
	if (write && (at->flags & KVM_MEM_READONLY))
		return "the slot is read-only";
	if (write && !p->writable)
		return "the host does not let it be written";
	return NULL;
}

static const char *slot_reaches(const struct ref_slot *s, gfn_t gfn, u64 pfn, bool write,
				const struct ref_at **at)
{
	const char *why = reaches(*at = &s->now, gfn, pfn, write);

	if (why && s->changing && has(&s->next, gfn))
		why = reaches(*at = &s->next, gfn, pfn, write);
	return why;
}

/* The slot by which @gfn is @pfn; NULL, and why not. */
static struct ref_slot *find(gfn_t gfn, u64 pfn, bool write, const struct ref_at **at,
			     const char **why)
{
	struct ref_slot *s;

	*why = "no slot has it";
	for_each_slot(s) {
		const char *w = slot_reaches(s, gfn, pfn, write, at);

		if (!w)
			return s;
		if (has(&s->now, gfn) || (s->changing && has(&s->next, gfn)))
			*why = w;
	}
	return NULL;
}

static bool is_apic_window(gfn_t gfn, u64 pfn)
{
	return gfn == 0xfee00 && pfn == APIC_PFN && !ref_is_memory(gfn);
}

void model_accessed(gfn_t gfn, u64 pfn, enum access a, int level)
{
	bool write = a == ACCESS_WRITE;
	const struct ref_at *at;
	struct ref_slot *s;
	const char *why;
	unsigned int i;

	if (is_apic_window(gfn, pfn))
		return;
	s = find(gfn, pfn, write, &at, &why);
	MODEL_CHECK(s, "a guest %s gfn %llx and reaches pfn %llx: %s",
		    write ? "writes to" : "reads", (unsigned long long)gfn,
		    (unsigned long long)pfn, why);
	MODEL_CHECK(a != ACCESS_FETCH || level == 1 || !nx_huge_pages,
		    "gfn %llx: executed in a large page", (unsigned long long)gfn);
	i = at->page + gfn - at->gfn;
	if (write) {
		host_guest_wrote(i, ++host_stamp);
		s->wrote[gfn - at->gfn] = host_stamp;
	} else {
		MODEL_CHECK(host_content(i) == host_pte[i].truth,
			    "gfn %llx, user page %u: has another content", (unsigned long long)gfn,
			    i);
	}
}

/* Not in the log although the CPU writes to the page without telling. */
static bool unlogged(const struct ref_slot *s, gfn_t offset)
{
	const struct kvm_memslot *slot = model_kvm.slots.by_id.slot[s - ref_slot];

	return !s->changing && s->now.valid && (s->now.flags & KVM_MEM_LOG_DIRTY_PAGES) &&
	       !test_bit(offset, slot->dirty_bitmap);
}

const char *model_mapping_wrong(gfn_t gfn, u64 pfn, bool write, bool unseen)
{
	const struct ref_at *at;
	struct ref_slot *s;
	const char *why;

	if (is_apic_window(gfn, pfn))
		return NULL;
	s = find(gfn, pfn, write, &at, &why);
	if (!s)
		return why;
	if (write && unseen && unlogged(s, gfn - at->gfn))
		return "writable, and not in the dirty log";
	return NULL;
}

void ref_wrote(gfn_t gfn, u64 stamp, unsigned int page)
{
	struct ref_slot *s;

	for_each_slot(s) {
		if (has(&s->now, gfn) && s->now.page + gfn - s->now.gfn == page) {
			s->wrote[gfn - s->now.gfn] = max(stamp, s->wrote[gfn - s->now.gfn]);
			return;
		}
		if (s->changing && has(&s->next, gfn) && s->next.page + gfn - s->next.gfn == page) {
			s->wrote[gfn - s->next.gfn] = max(stamp, s->wrote[gfn - s->next.gfn]);
			return;
		}
	}
	model_fail(__FILE__, __LINE__, "the module wrote for gfn %llx to user page %u",
		   (unsigned long long)gfn, page);
}

/* --- the dirty log --- */

static void check_log(struct ref_slot *s, const unsigned long *log, const unsigned long *must)
{
	u64 i;

	for (i = 0; i < s->now.npages; i++) {
		bool is = test_bit(i, log);

		MODEL_CHECK(is || !test_bit(i, must), "slot %d: a write to page %llu is not in the log",
			    (int)(s - ref_slot), (unsigned long long)i);
		MODEL_CHECK(!is || s->tried[i] > s->since[i] || being_written(s->now.gfn + i),
			    "slot %d: page %llu is in the log, and nobody wrote to it",
			    (int)(s - ref_slot), (unsigned long long)i);
	}
}

/* User space copies the pages of the log, which are no longer in it since @begin or later. */
static void note_taken(struct ref_slot *s, const unsigned long *log, u64 begin, bool all)
{
	u64 i;

	for (i = 0; i < s->now.npages; i++) {
		if (test_bit(i, log))
			s->seen[i] = host_stamp;
		if (all || test_bit(i, log))
			s->since[i] = begin;
	}
}

static unsigned long *log_buffer(void)
{
	static unsigned long logs[FIBERS_MAX][BITS_TO_LONGS(MODEL_PAGES)];

	return logs[fiber_current->index];
}

static bool is_logged(const struct ref_slot *s)
{
	return s->now.valid && (s->now.flags & KVM_MEM_LOG_DIRTY_PAGES);
}

static void get_log(struct ref_slot *s)
{
	unsigned long must[BITS_TO_LONGS(MODEL_PAGES)] = { }, *log = log_buffer();
	struct kvm_dirty_log arg = { .slot = s - ref_slot, .dirty_bitmap = log };
	u64 begin = ++host_stamp, i;
	bool logged = is_logged(s);
	int r;

	for (i = 0; logged && i < s->now.npages; i++)
		if (s->wrote[i] > s->seen[i])
			__set_bit(i, must);
	memset(log, 0xff, sizeof(must));
	r = kvm_get_dirty_log(&model_kvm, &arg);
	if (logged && (r == -EFAULT || r == -EINTR))
		return;
	MODEL_CHECK(r == (logged ? 0 : -ENOENT), "slot %d: the log gives %d", (int)(s - ref_slot),
		    r);
	host_stamp++;
	if (!logged)
		return;
	check_log(s, log, must);
	if (!model_kvm.settings.manual_log)
		note_taken(s, log, begin, true);
}

/* Some pages, all of 64 or a few, and a bit or two beyond the slot's end. */
static void clear_log(struct ref_slot *s)
{
	unsigned long *log = log_buffer(), taken[BITS_TO_LONGS(MODEL_PAGES)] = { };
	u64 begin = ++host_stamp, words = DIV_ROUND_UP(s->now.npages, 64), i;
	struct kvm_clear_dirty_log arg = { .slot = s - ref_slot, .dirty_bitmap = log };
	struct kvm_ioctl_args a = { .kvm = &model_kvm, .data = &arg };
	int r;

	arg.first_page = is_logged(s) ? 64 * below(words) : 0;
	arg.num_pages = min(64 * (1 + below(words + 1)), s->now.npages - arg.first_page);
	for (i = 0; i < BITS_TO_LONGS(MODEL_PAGES); i++)
		log[i] = chance(50) ? ~0ul : rng_next(&fiber_rng);
	r = kvm_vm_ioctl_clear_dirty_log(&a);
	if (is_logged(s) && (r == -EFAULT || r == -EINTR))
		return;
	MODEL_CHECK(r == (is_logged(s) ? 0 : -ENOENT), "slot %d: clearing the log gives %d",
		    (int)(s - ref_slot), r);
	host_stamp++;
	if (!is_logged(s))
		return;
	for (i = 0; i < arg.num_pages; i++)
		if (test_bit(i, log))
			__set_bit(arg.first_page + i, taken);
	note_taken(s, taken, begin, false);
}

void ref_clear_log(void)
{
	struct ref_slot *s = &ref_slot[below(REF_SLOTS)];

	if (s->busy)
		return;
	s->busy = true;
	model_trace("clears the log of slot %d", (int)(s - ref_slot));
	clear_log(s);
	model_trace("clears the log of slot %d: done", (int)(s - ref_slot));
	s->busy = false;
}

void ref_get_log(void)
{
	struct ref_slot *s = &ref_slot[below(REF_SLOTS)];

	if (s->busy)
		return;
	s->busy = true;
	model_trace("log of slot %d", (int)(s - ref_slot));
	get_log(s);
	model_trace("log of slot %d: done", (int)(s - ref_slot));
	s->busy = false;
}

/* --- changes of slots --- */

static bool overlap(const struct ref_at *a, const struct ref_slot *but)
{
	struct ref_slot *s;

	for_each_slot(s)
		if (s != but && s->now.valid && a->gfn < s->now.gfn + s->now.npages &&
		    s->now.gfn < a->gfn + a->npages)
			return true;
	return false;
}

static void place(struct ref_at *at)
{
	static const gfn_t far[] = {
		0xfee00 - 5, 1ull << 18, (1ull << 33) + 512, (1ull << 34) - 2048,
	};

	if (chance(50)) {
		at->gfn = (at->page & 511) + 512 * below(16);
	} else {
		at->gfn = below(16 * 512);
		if (chance(50))
			at->gfn &= ~511ull;
	}
	if (chance(10))
		at->gfn = far[below(ARRAY_SIZE(far))];
}

static void invent(struct ref_at *at)
{
	unsigned int i = host_pick();

	at->valid = true;
	at->npages = chance(50) ? 1 + below(16) : chance(50) ? 512 * (1 + below(3)) :
							       100 + below(600);
	at->page = i - below(min((u64)i + 1, at->npages));
	if (chance(60))
		at->page &= ~511u;
	at->npages = min(at->npages, (u64)MODEL_PAGES - at->page);
	at->flags = (chance(50) ? KVM_MEM_LOG_DIRTY_PAGES : 0) |
		    (chance(10) ? KVM_MEM_READONLY : 0);
	place(at);
}

static int set_region(struct ref_slot *s, const struct ref_at *at)
{
	struct kvm_userspace_memory_region mem = {
		.slot = s - ref_slot,
		.flags = at->flags,
		.guest_phys_addr = at->gfn << PAGE_SHIFT,
		.memory_size = at->valid ? at->npages << PAGE_SHIFT : 0,
		.userspace_addr = MODEL_HVA + at->page * PAGE_SIZE,
	};
	struct kvm_ioctl_args a = { .kvm = &model_kvm, .data = &mem };

	return kvm_vm_ioctl_set_memory_region(&a);
}

static void begin_change(struct ref_slot *s, const struct ref_at *to)
{
	s->version++;
	if (!s->now.valid)
		memset(s->tried, 0, sizeof(s->tried));
	s->next = *to;
	s->changing = true;
}

/* A log that begins knows all pages as they are now. */
static void end_change(struct ref_slot *s, u64 began, int r)
{
	bool was = is_logged(s);
	u64 i;

	s->changing = false;
	s->version++;
	if (r)
		return;
	s->now = s->next;
	if (was || !is_logged(s))
		return;
	host_stamp++;
	for (i = 0; i < s->now.npages; i++) {
		s->seen[i] = host_stamp;
		s->since[i] = began;
		if (kvm_log_starts_full(&model_kvm))
			s->tried[i] = host_stamp;
	}
}

static int expected(const struct ref_slot *s, const struct ref_at *to)
{
	if (!to->valid)
		return s->now.valid ? 0 : -EINVAL;
	if (!s->now.valid)
		return overlap(to, s) ? -EEXIST : 0;
	if (to->npages != s->now.npages || to->page != s->now.page ||
	    ((to->flags ^ s->now.flags) & KVM_MEM_READONLY))
		return -EINVAL;
	return to->gfn != s->now.gfn && overlap(to, s) ? -EEXIST : 0;
}

static void change(struct ref_slot *s, const struct ref_at *to, bool may_fail)
{
	u64 began = ++host_stamp;
	int want = expected(s, to), r;

	model_trace("slot %d: gfn %llx, page %u, %llu pages, flags %x -> gfn %llx, page %u, %llu pages, flags %x",
		    (int)(s - ref_slot), (unsigned long long)s->now.gfn, s->now.page,
		    (unsigned long long)(s->now.valid ? s->now.npages : 0), s->now.flags,
		    (unsigned long long)to->gfn, to->page,
		    (unsigned long long)(to->valid ? to->npages : 0), to->flags);
	/* What is refused changes nothing, not even for a moment. */
	if (!want)
		begin_change(s, to);
	r = set_region(s, to);
	MODEL_CHECK(r == want || (may_fail && r == -ENOMEM), "slot %d: %d, not %d",
		    (int)(s - ref_slot), r, want);
	if (!want)
		end_change(s, began, r);
	model_trace("slot %d: %d", (int)(s - ref_slot), r);
}

void ref_change_slot(bool may_fail)
{
	struct ref_slot *s = &ref_slot[below(REF_SLOTS)];
	struct ref_at to = s->now;
	unsigned int what = below(10);

	if (s->busy || slots_change)
		return;
	s->busy = true;
	slots_change = true;
	if (!s->now.valid || what == 0)
		invent(&to);
	else if (what < 5)
		to.flags ^= KVM_MEM_LOG_DIRTY_PAGES;
	else if (what < 8)
		to.valid = false;
	else
		place(&to);
	change(s, &to, may_fail);
	slots_change = false;
	s->busy = false;
}

/* --- where nothing is under way, and at the end --- */

void ref_check_idle(void)
{
	struct ref_slot *s;
	int i;

	for_each_slot(s) {
		struct kvm_memslot *slot = model_kvm.slots.by_id.slot[s - ref_slot];

		MODEL_CHECK(!!slot == s->now.valid && !s->changing, "slot %d is %s",
			    (int)(s - ref_slot), slot ? "there" : "not there");
	}
	for (i = 0; i < (int)MODEL_PAGES; i++)
		MODEL_CHECK(!host_pte[i].invalid, "an invalidation has no end");
	MODEL_CHECK(!model_kvm.mmu.notifier_active, "an invalidation is still counted");
}

void ref_touch(void (*access)(struct cpu *c, gfn_t gfn, enum access a))
{
	struct ref_slot *s;
	unsigned int n;

	for_each_slot(s)
		for (n = 0; s->now.valid && n < 40; n++)
			access(&model_cpu[0], s->now.gfn + below(s->now.npages),
			       n & 1 ? ACCESS_WRITE : ACCESS_READ);
}

void ref_delete_all(void)
{
	const struct ref_at none = { };
	struct ref_slot *s;

	for_each_slot(s) {
		get_log(s);
		if (s->now.valid)
			change(s, &none, false);
	}
}
