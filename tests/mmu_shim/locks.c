// SPDX-License-Identifier: GPL-2.0-only
/* Locks that threads of the model wait for, and collections with a lock's rules. */
#include <kernel.h>

bool model_signal;

/*
 * One VM has one such lock, and a thread notes what it has of it. A reader that waits for a
 * writer who waits for that reader's first lock would be stuck: no thread takes it twice.
 */
void read_lock(rwlock_t *l)
{
	SHIM_CHECK(!fiber_current->reads && !fiber_current->writes);
	fiber_wait(!l->writer);
	l->readers++;
	l->held = true;
	fiber_current->reads = true;
	shim_atomic++;
}

void read_unlock(rwlock_t *l)
{
	fiber_preempt();
	SHIM_CHECK(fiber_current->reads && l->readers > 0);
	fiber_current->reads = false;
	l->held = --l->readers;
	shim_atomic--;
}

void write_lock(rwlock_t *l)
{
	SHIM_CHECK(!fiber_current->reads && !fiber_current->writes);
	fiber_wait(!l->writer && !l->readers);
	l->writer = fiber_current;
	l->held = true;
	fiber_current->writes = true;
	shim_atomic++;
}

void write_unlock(rwlock_t *l)
{
	fiber_preempt();
	SHIM_CHECK(fiber_current->writes && l->writer == fiber_current);
	fiber_current->writes = false;
	l->writer = NULL;
	l->held = false;
	shim_atomic--;
}

bool need_resched(void)
{
	return rng_chance(&fiber_rng, 30);
}

int cond_resched_rwlock_write(rwlock_t *l)
{
	lockdep_assert_held_write(l);
	write_unlock(l);
	cond_resched();
	write_lock(l);
	return 1;
}

int cond_resched_rwlock_read(rwlock_t *l)
{
	lockdep_assert_held_read(l);
	read_unlock(l);
	cond_resched();
	read_lock(l);
	return 1;
}

int srcu_read_lock(struct srcu_struct *s)
{
	int idx = s->now;

	s->readers[idx]++;
	fiber_current->srcu++;
	fiber_preempt();
	return idx;
}

void srcu_read_unlock(struct srcu_struct *s, int idx)
{
	fiber_preempt();
	SHIM_CHECK(fiber_current->srcu > 0 && s->readers[idx] > 0);
	fiber_current->srcu--;
	s->readers[idx]--;
}

/* Who calls it holds slots_lock, so there is one at a time. */
void synchronize_srcu(struct srcu_struct *s)
{
	int old = s->now;

	might_sleep();
	SHIM_CHECK(!fiber_current->srcu);
	fiber_preempt();
	s->now = !s->now;
	fiber_wait(!s->readers[old]);
}

void interval_tree_insert(struct interval_tree_node *node, struct rb_root_cached *root)
{
	SHIM_CHECK(fiber_current->writes && !node->in);
	node->in = true;
	node->next = root->first;
	root->first = node;
}

void interval_tree_remove(struct interval_tree_node *node, struct rb_root_cached *root)
{
	struct interval_tree_node **p = &root->first;

	SHIM_CHECK(fiber_current->writes && node->in);
	while (*p != node)
		p = &(*p)->next;
	*p = node->next;
	node->in = false;
}

static struct interval_tree_node *first_of(struct interval_tree_node *node, unsigned long start,
					   unsigned long last)
{
	SHIM_CHECK(fiber_current->writes || fiber_current->reads || shim_atomic);
	while (node && (node->start > last || node->last < start))
		node = node->next;
	return node;
}

struct interval_tree_node *interval_tree_iter_first(struct rb_root_cached *root,
						    unsigned long start, unsigned long last)
{
	return first_of(root->first, start, last);
}

struct interval_tree_node *interval_tree_iter_next(struct interval_tree_node *node,
						   unsigned long start, unsigned long last)
{
	SHIM_CHECK(node->in);
	return first_of(node->next, start, last);
}

void *xa_store(struct xarray *xa, unsigned long i, void *p, gfp_t gfp)
{
	SHIM_CHECK(i < SHIM_XA_MAX);
	fiber_preempt();
	if (!xa->slot[i] && shim_fail_alloc > 0 && --shim_fail_alloc == 0)
		return ERR_PTR(-ENOMEM);
	xa->slot[i] = p;
	return NULL;
}
