// SPDX-License-Identifier: GPL-2.0-only
/*
 * Data movement with an MMIO operand: moves of every kind, exchanges, stack operations,
 * string instructions, indirect branches, and vector loads and stores. Each is run on
 * memory by the CPU and on MMIO by kvm, and everything that comes out is compared.
 */
#include "mmio_compare.h"

#define MOVES(X)								\
	X(mov_mr8, "mov %ch, (%rbx)", 0, 1)					\
	X(mov_mr8r, "mov %r11b, (%rbx)", 0, 1)					\
	X(mov_mr16, "mov %r8w, (%rbx)", 0, 2)					\
	X(mov_mr32, "mov %r15d, (%rbx)", 0, 4)					\
	X(mov_mr64, "mov %r11, (%rbx)", 0, 8)					\
	X(mov_rm8, "mov (%rbx), %ah", 1, 0)					\
	X(mov_rm8r, "mov (%rbx), %r9b", 1, 0)					\
	X(mov_rm16, "mov (%rbx), %r8w", 2, 0)					\
	X(mov_rm32, "mov (%rbx), %r8d", 4, 0)					\
	X(mov_rm64, "mov (%rbx), %r8", 8, 0)					\
	X(mov_mi8, "movb $0x5a, (%rbx)", 0, 1)					\
	X(mov_mi16, "movw $0x8001, (%rbx)", 0, 2)				\
	X(mov_mi32, "movl $0x80000001, (%rbx)", 0, 4)				\
	X(mov_mi64, "movq $-5, (%rbx)", 0, 8)					\
	X(mov_moffs, "movabs " S(OPERAND_AT) ", %al", 1, 0)			\
	X(mov_moffs2, "movabs %rax, " S(OPERAND_AT), 0, 8)			\
	X(movzx_bw, "movzbw (%rbx), %cx", 1, 0)					\
	X(movzx_bl, "movzbl (%rbx), %ecx", 1, 0)				\
	X(movzx_bq, "movzbq (%rbx), %rcx", 1, 0)				\
	X(movzx_wl, "movzwl (%rbx), %ecx", 2, 0)				\
	X(movzx_wq, "movzwq (%rbx), %rcx", 2, 0)				\
	X(movsx_bw, "movsbw (%rbx), %cx", 1, 0)					\
	X(movsx_bl, "movsbl (%rbx), %ecx", 1, 0)				\
	X(movsx_bq, "movsbq (%rbx), %rcx", 1, 0)				\
	X(movsx_wl, "movswl (%rbx), %ecx", 2, 0)				\
	X(movsx_wq, "movswq (%rbx), %rcx", 2, 0)				\
	X(movsxd, "movslq (%rbx), %rcx", 4, 0)					\
	X(movnti_l, "movnti %eax, (%rbx)", 0, 4)				\
	X(movnti_q, "movnti %rax, (%rbx)", 0, 8)				\
	X(mov_sreg_m, "mov %ds, (%rbx)", 0, 2)					\
	X(cmov_l, "cmovzl (%rbx), %ecx", -1, 0)					\
	X(cmov_q, "cmovcq (%rbx), %rcx", -1, 0)					\
	X(setz, "setz (%rbx)", -1, 1)						\
	X(seto, "seto (%rbx)", -1, 1)

#define MOVBE(X)								\
	X(movbe_rm32, "movbe (%rbx), %ecx", 4, 0)				\
	X(movbe_rm64, "movbe (%rbx), %rcx", 8, 0)				\
	X(movbe_mr32, "movbe %eax, (%rbx)", 0, 4)				\
	X(movbe_mr64, "movbe %rax, (%rbx)", 0, 8)

/* A locked exchange may be served by a read and a write, or by more reads. */
#define EXCHANGES(X)								\
	X(xchg_8, "xchg %cl, (%rbx)", -1, 1)					\
	X(xchg_16, "xchg %cx, (%rbx)", -1, 2)					\
	X(xchg_32, "xchg %ecx, (%rbx)", -1, 4)					\
	X(xchg_64, "xchg %rcx, (%rbx)", -1, 8)					\
	X(cmpxchg_8, "cmpxchg %cl, (%rbx)", -1, -1)				\
	X(cmpxchg_16, "cmpxchg %cx, (%rbx)", -1, -1)				\
	X(cmpxchg_32, "cmpxchg %ecx, (%rbx)", -1, -1)				\
	X(cmpxchg_64, "cmpxchg %rcx, (%rbx)", -1, -1)				\
	X(lk_cmpxchg_32, "lock cmpxchg %ecx, (%rbx)", -1, -1)			\
	X(lk_cmpxchg_64, "lock cmpxchg %rcx, (%rbx)", -1, -1)			\
	X(xadd_8, "xadd %cl, (%rbx)", 1, 1)					\
	X(xadd_32, "xadd %ecx, (%rbx)", 4, 4)					\
	X(xadd_64, "xadd %rcx, (%rbx)", 8, 8)					\
	X(lk_xadd_32, "lock xadd %ecx, (%rbx)", -1, -1)				\
	X(cmpxchg8b_miss, "mov %r11, %rbx\n mov %r12, %rbx\n cmpxchg8b (%rbx)", -1, -1) \
	X(cmpxchg8b_hit, "mov (%rbx), %eax\n mov 4(%rbx), %edx\n"		\
	  "mov %r12, %rsi\n mov $0x1234, %ebx\n cmpxchg8b (%rsi)", -1, -1)

#define CMPXCHG16B(X)								\
	X(cmpxchg16b, "mov (%rbx), %rax\n mov 8(%rbx), %rdx\n mov %rbx, %rsi\n"	\
	  "mov %r11, %rbx\n cmpxchg16b (%rsi)", -1, -1)

#define STACK(X)								\
	X(push_m64, "pushq (%rbx)", 8, 0)					\
	X(push_m16, "pushw (%rbx)", 2, 0)					\
	X(pop_m64, "popq (%rbx)", 0, 8)						\
	X(pop_m16, "popw (%rbx)", 0, 2)						\
	X(push_to, "mov %rbx, %rsp\n push %rcx", 0, 8)				\
	X(push_imm_to, "mov %rbx, %rsp\n push $-7", 0, 8)			\
	X(pop_from, "mov %rbx, %rsp\n pop %rcx", 8, 0)				\
	X(pushf_to, "mov %rbx, %rsp\n pushf", 0, 8)				\
	X(popf_from, "mov %rbx, %rsp\n movq $0x8d7, (%rbx)\n popf", 8, 8)	\
	X(leave_from, "mov %rbx, %rbp\n leave", 8, 0)				\
	X(enter_to, "mov %rbx, %rsp\n enter $16, $0", 0, 8)			\
	X(call_to, "mov %rbx, %rsp\n call 1f\n 1:", 0, 8)			\
	X(ret_from, "lea 1f(%rip), %rcx\n mov %rcx, (%rbx)\n mov %rbx, %rsp\n"	\
	  "ret\n ud2\n 1:", 8, 8)						\
	X(jmp_m, "lea 1f(%rip), %rcx\n mov %rcx, (%rbx)\n jmp *(%rbx)\n ud2\n 1:", 8, 8) \
	X(call_m, "lea 1f(%rip), %rcx\n mov %rcx, (%rbx)\n call *(%rbx)\n ud2\n 1:", 8, 8)

#define STRINGS(X)								\
	X(movs_from8, "movsb", 1, 0)						\
	X(movs_from16, "movsw", 2, 0)						\
	X(movs_from32, "movsl", 4, 0)						\
	X(movs_from64, "movsq", 8, 0)						\
	X(movs_to8, "xchg %rsi, %rdi\n movsb", 0, 1)				\
	X(movs_to32, "xchg %rsi, %rdi\n movsl", 0, 4)				\
	X(movs_to64, "xchg %rsi, %rdi\n std\n movsq\n cld", 0, 8)		\
	X(movs_both, "lea 0x80(%rsi), %rdi\n movsq", 8, 8)			\
	X(stos_8, "mov %rbx, %rdi\n stosb", 0, 1)				\
	X(stos_16, "mov %rbx, %rdi\n stosw", 0, 2)				\
	X(stos_32, "mov %rbx, %rdi\n std\n stosl\n cld", 0, 4)			\
	X(stos_64, "mov %rbx, %rdi\n stosq", 0, 8)				\
	X(lods_8, "lodsb", 1, 0)						\
	X(lods_16, "lodsw", 2, 0)						\
	X(lods_32, "lodsl", 4, 0)						\
	X(lods_64, "std\n lodsq\n cld", 8, 0)					\
	X(cmps_8, "cmpsb", 1, 0)						\
	X(cmps_64, "xchg %rsi, %rdi\n cmpsq", 8, 0)				\
	X(scas_8, "mov %rbx, %rdi\n scasb", 1, 0)				\
	X(scas_32, "mov %rbx, %rdi\n scasl", 4, 0)				\
	X(scas_64, "mov %rbx, %rdi\n scasq", 8, 0)				\
	X(rep_movs_from, "mov $5, %ecx\n rep movsw", 10, 0)			\
	X(rep_movs_to, "xchg %rsi, %rdi\n mov $5, %ecx\n rep movsl", 0, 20)	\
	X(rep_movs_down, "mov $6, %ecx\n std\n rep movsb\n cld", 6, 0)		\
	X(rep_movs_0, "xor %ecx, %ecx\n rep movsb", 0, 0)			\
	X(rep_stos, "mov %rbx, %rdi\n mov $7, %ecx\n rep stosq", 0, 56)		\
	X(rep_stos_page, "mov $" S(G_OPERAND) " + 0xff0, %edi\n mov $8, %ecx\n"	\
	  "rep stosl", 0, 32)							\
	X(rep_lods, "mov $4, %ecx\n rep lodsb", 4, 0)				\
	X(repe_cmps, "mov $6, %ecx\n repe cmpsb", -1, 0)			\
	X(repne_scas, "mov %rbx, %rdi\n mov $9, %ecx\n repne scasb", -1, 0)	\
	X(repe_scas, "mov %rbx, %rdi\n mov $9, %ecx\n mov (%rbx), %al\n"	\
	  "repe scasb", -1, 0)

/* XMM1 is loaded before and stored after; ordinary stores are not in the MMIO page. */
#define XMM_IN "movdqu " S(G_VEC_IN) ", %xmm1\n"
#define XMM_OUT "\nmovdqu %xmm1, " S(G_VEC_OUT)
#define SSE(X)									\
	X(movups_l, XMM_IN "movups (%rbx), %xmm1" XMM_OUT, 16, 0)		\
	X(movups_s, XMM_IN "movups %xmm1, (%rbx)" XMM_OUT, 0, 16)		\
	X(movaps_l, XMM_IN "movaps (%rbx), %xmm1" XMM_OUT, 16, 0)		\
	X(movaps_s, XMM_IN "movaps %xmm1, (%rbx)" XMM_OUT, 0, 16)		\
	X(movupd_l, XMM_IN "movupd 3(%rbx), %xmm1" XMM_OUT, 16, 0)		\
	X(movdqu_l, XMM_IN "movdqu 1(%rbx), %xmm1" XMM_OUT, 16, 0)		\
	X(movdqu_s, XMM_IN "movdqu %xmm1, 1(%rbx)" XMM_OUT, 0, 16)		\
	X(movdqa_l, XMM_IN "movdqa (%rbx), %xmm1" XMM_OUT, 16, 0)		\
	X(movdqa_s, XMM_IN "movdqa %xmm1, (%rbx)" XMM_OUT, 0, 16)		\
	X(movdqa_odd, XMM_IN "movdqa 1(%rbx), %xmm1" XMM_OUT, -1, -1)		\
	X(movntdq, XMM_IN "movntdq %xmm1, (%rbx)" XMM_OUT, 0, 16)		\
	X(movdqu_cross, XMM_IN "movdqu %xmm1, " S(G_OPERAND) " + 0xff9" XMM_OUT, 0, 16)

#define SSE_MORE(X)								\
	X(movq_l, XMM_IN "movq (%rbx), %xmm1" XMM_OUT, 8, 0)			\
	X(movq_s, XMM_IN "movq %xmm1, (%rbx)" XMM_OUT, 0, 8)			\
	X(movd_l, XMM_IN "movd (%rbx), %xmm1" XMM_OUT, 4, 0)			\
	X(movd_s, XMM_IN "movd %xmm1, (%rbx)" XMM_OUT, 0, 4)			\
	X(movss_l, XMM_IN "movss (%rbx), %xmm1" XMM_OUT, 4, 0)			\
	X(movsd_s, XMM_IN "movsd %xmm1, (%rbx)" XMM_OUT, 0, 8)			\
	X(movlps_l, XMM_IN "movlps (%rbx), %xmm1" XMM_OUT, 8, 0)		\
	X(movhps_s, XMM_IN "movhps %xmm1, (%rbx)" XMM_OUT, 0, 8)		\
	X(movntps, XMM_IN "movntps %xmm1, (%rbx)" XMM_OUT, 0, 16)		\
	X(lddqu, XMM_IN "lddqu (%rbx), %xmm1" XMM_OUT, 16, 0)			\
	X(movntdqa, XMM_IN "movntdqa (%rbx), %xmm1" XMM_OUT, 16, 0)		\
	X(movddup, XMM_IN "movddup (%rbx), %xmm1" XMM_OUT, 8, 0)		\
	X(movsldup, XMM_IN "movsldup (%rbx), %xmm1" XMM_OUT, 16, 0)		\
	X(pextrb, XMM_IN "pextrb $5, %xmm1, (%rbx)", 0, 1)			\
	X(pextrw, XMM_IN "pextrw $3, %xmm1, (%rbx)", 0, 2)			\
	X(pextrq, XMM_IN "pextrq $1, %xmm1, (%rbx)", 0, 8)			\
	X(pinsrw, XMM_IN "pinsrw $6, (%rbx), %xmm1" XMM_OUT, 2, 0)		\
	X(pinsrd, XMM_IN "pinsrd $2, (%rbx), %xmm1" XMM_OUT, 4, 0)		\
	X(insertps, XMM_IN "insertps $0x21, (%rbx), %xmm1" XMM_OUT, 4, 0)	\
	X(pmovzxbw, XMM_IN "pmovzxbw (%rbx), %xmm1" XMM_OUT, 8, 0)		\
	X(pmovsxdq, XMM_IN "pmovsxdq (%rbx), %xmm1" XMM_OUT, 8, 0)		\
	X(maskmovdqu, XMM_IN "mov %rbx, %rdi\n pcmpeqd %xmm2, %xmm2\n"		\
	  "maskmovdqu %xmm2, %xmm1", 0, 16)

#define YMM_IN "vmovdqu " S(G_VEC_IN) ", %ymm1\n"
#define YMM_OUT "\nvmovdqu %ymm1, " S(G_VEC_OUT)
#define AVX(X)									\
	X(vmovdqu_l, YMM_IN "vmovdqu (%rbx), %ymm1" YMM_OUT, 32, 0)		\
	X(vmovdqu_s, YMM_IN "vmovdqu %ymm1, (%rbx)" YMM_OUT, 0, 32)		\
	X(vmovdqa_l, YMM_IN "vmovdqa (%rbx), %ymm1" YMM_OUT, 32, 0)		\
	X(vmovups_s, YMM_IN "vmovups %ymm1, 5(%rbx)" YMM_OUT, 0, 32)		\
	X(vmovdqu_x, YMM_IN "vmovdqu (%rbx), %xmm1" YMM_OUT, 16, 0)		\
	X(vmovntdq, YMM_IN "vmovntdq %ymm1, (%rbx)" YMM_OUT, 0, 32)		\
	X(vmovd_l, YMM_IN "vmovd (%rbx), %xmm1" YMM_OUT, 4, 0)			\
	X(vbroadcastss, YMM_IN "vbroadcastss (%rbx), %ymm1" YMM_OUT, 4, 0)	\
	X(vpbroadcastb, YMM_IN "vpbroadcastb (%rbx), %ymm1" YMM_OUT, 1, 0)	\
	X(vbroadcasti128, YMM_IN "vbroadcasti128 (%rbx), %ymm1" YMM_OUT, 16, 0)	\
	X(vinsertf128, YMM_IN "vinsertf128 $1, (%rbx), %ymm1, %ymm1" YMM_OUT, 16, 0) \
	X(vextracti128, YMM_IN "vextracti128 $1, %ymm1, (%rbx)", 0, 16)		\
	X(vpmovzxbd, YMM_IN "vpmovzxbd (%rbx), %ymm1" YMM_OUT, 8, 0)		\
	X(vmaskmovps_l, YMM_IN "vpcmpeqd %xmm2, %xmm2, %xmm2\n"			\
	  "vmaskmovps (%rbx), %ymm2, %ymm1" YMM_OUT, 16, 0)			\
	X(vpmaskmovq_s, YMM_IN "vpcmpeqd %xmm2, %xmm2, %xmm2\n vmovq %xmm2, %xmm2\n" \
	  "vpmaskmovq %ymm1, %ymm2, (%rbx)", 0, 8)

#define X87_IN "fninit\n fldl " S(G_VEC_IN) "\n"
#define X87_OUT "\nfstpt " S(G_VEC_OUT) "\n fnstsw " S(G_VEC_OUT) " + 16\n fninit"
#define X87(X)									\
	X(fnstcw, "fninit\n fnstcw (%rbx)", 0, 2)				\
	X(fnstsw, "fninit\n fnstsw (%rbx)", 0, 2)				\
	X(fldcw, "fninit\n movw $0x27f, (%rbx)\n fldcw (%rbx)\n fnstcw " S(G_VEC_OUT), 2, 2) \
	X(fld_64, "fninit\n fldl (%rbx)" X87_OUT, 8, 0)				\
	X(fld_80, "fninit\n fldt (%rbx)" X87_OUT, 10, 0)			\
	X(fild_16, "fninit\n filds (%rbx)" X87_OUT, 2, 0)			\
	X(fild_32, "fninit\n fildl (%rbx)" X87_OUT, 4, 0)			\
	X(fild_64, "fninit\n fildq (%rbx)" X87_OUT, 8, 0)			\
	X(fst_32, X87_IN "fsts (%rbx)" X87_OUT, 0, 4)				\
	X(fstp_64, X87_IN "fstpl (%rbx)" X87_OUT, 0, 8)				\
	X(fstp_80, X87_IN "fstpt (%rbx)" X87_OUT, 0, 10)			\
	X(fist_32, X87_IN "fld1\n fistl (%rbx)" X87_OUT, 0, 4)			\
	X(fistp_64, X87_IN "fistpq (%rbx)" X87_OUT, 0, 8)			\
	X(fisttp_16, X87_IN "fld1\n fisttps (%rbx)" X87_OUT, 0, 2)		\
	X(movq_mmx_l, "movq (%rbx), %mm0\n movq %mm0, " S(G_VEC_OUT) "\n emms", 8, 0) \
	X(movq_mmx_s, "movq " S(G_VEC_IN) ", %mm3\n movq %mm3, (%rbx)\n emms", 0, 8) \
	X(ldmxcsr, "movl $0x1f80, (%rbx)\n ldmxcsr (%rbx)", 4, 4)		\
	X(stmxcsr, "stmxcsr (%rbx)", 0, 4)

/*
 * More accesses than a dozen: whole images, and the frame pointers of 31 levels. The stack is
 * above the operand, the levels' frame above the stack; shifted, they lie across pages.
 */
#define ENTER(shift) "lea 0x400+" #shift "(%rbx), %rsp\n lea 0x800+" #shift "(%rbx), %rbp\n" \
	"enter $16, $31"
#define MANY(X)									\
	X(fxsave, XMM_IN "fninit\n fxsave (%rbx)", 0, 416)			\
	X(fxsave_cross, XMM_IN "fninit\n fxsave64 0xe00(%rbx)", 0, 416)		\
	X(fxrstor, XMM_IN "fxsave64 (%rbx)\n pxor %xmm1, %xmm1\n"		\
	  "fxrstor64 (%rbx)" XMM_OUT, 416, 416)					\
	X(enter_31, ENTER(0), 240, 256)						\
	X(enter_31_cross, ENTER(0xb84), 240, 256)

/* Less usual: right or declined. */
#define OTHERS(X)								\
	X(pxor_m, XMM_IN "pxor (%rbx), %xmm1" XMM_OUT, 16, 0)			\
	X(fld_32, "fninit\n flds (%rbx)" X87_OUT, 4, 0)				\
	X(fadd_m, X87_IN "fadds (%rbx)" X87_OUT, 4, 0)				\
	X(popcnt, "popcntl (%rbx), %ecx", 4, 0)					\
	X(crc32, "crc32l (%rbx), %ecx", 4, 0)					\
	X(andn, "andnl (%rbx), %eax, %ecx", 4, 0)				\
	X(adcx, "adcxl (%rbx), %ecx", 4, 0)					\
	X(lsl_m, "movw $" S(SEL_DATA) ", (%rbx)\n lsl (%rbx), %ecx", 2, 2)	\
	X(movbe_rm16, "movbe (%rbx), %cx", 2, 0)				\
	X(xlat, "xor %eax, %eax\n xlat", 1, 0)					\
	X(clflush, "clflush (%rbx)", -1, 0)					\
	X(prefetch, "prefetcht0 (%rbx)", 0, 0)

MOVES(INSN_CODE)
MOVBE(INSN_CODE)
EXCHANGES(INSN_CODE)
CMPXCHG16B(INSN_CODE)
STACK(INSN_CODE)
STRINGS(INSN_CODE)
SSE(INSN_CODE)
SSE_MORE(INSN_CODE)
AVX(INSN_CODE)
X87(INSN_CODE)
MANY(INSN_CODE)
OTHERS(INSN_CODE)

static const struct insn moves[] = { MOVES(INSN_ENTRY) };
static const struct insn movbe[] = { MOVBE(INSN_ENTRY) };
static const struct insn exchanges[] = { EXCHANGES(INSN_ENTRY) };
static const struct insn cmpxchg16b[] = { CMPXCHG16B(INSN_ENTRY) };
static const struct insn stack[] = { STACK(INSN_ENTRY) };
static const struct insn strings[] = { STRINGS(INSN_ENTRY) };
static const struct insn sse[] = { SSE(INSN_ENTRY) };
static const struct insn sse_more[] = { SSE_MORE(INSN_ENTRY) };
static const struct insn avx[] = { AVX(INSN_ENTRY) };
static const struct insn x87[] = { X87(INSN_ENTRY) };
static const struct insn many[] = { MANY(INSN_ENTRY) };
static const struct insn others[] = { OTHERS(INSN_ENTRY) };

static const struct insn_list lists[] = {
	{ "moves", moves, ARRAY_LEN(moves) },
	{ "movbe", movbe, ARRAY_LEN(movbe) },
	{ "exchanges", exchanges, ARRAY_LEN(exchanges) },
	{ "cmpxchg16b", cmpxchg16b, ARRAY_LEN(cmpxchg16b), true },
	{ "stack", stack, ARRAY_LEN(stack) },
	{ "strings", strings, ARRAY_LEN(strings) },
	{ "sse_moves", sse, ARRAY_LEN(sse) },
	{ "sse_parts", sse_more, ARRAY_LEN(sse_more) },
	{ "avx_moves", avx, ARRAY_LEN(avx) },
	{ "x87_and_mmx", x87, ARRAY_LEN(x87) },
	{ "many_accesses", many, ARRAY_LEN(many), true, 1 },
	{ "others_right_or_declined", others, ARRAY_LEN(others), true },
};

int main(int argc, char **argv)
{
	return compare_lists(lists, ARRAY_LEN(lists), argc, argv);
}
