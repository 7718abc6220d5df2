/*
 * A packet filter's rule by netlink alone: `tcp dport PORT` on its way out of or into this network namespace
 * is rejected with a RST, or dropped.
 */
#include "netlink.h"
#include "provoke.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#define TABLE "ptfilter"
#define CHAIN "ptchain"

static void nft_message(struct request *request, uint16_t type, uint16_t flags)
{
	message_start(request, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type), flags);
	struct nfgenmsg *family = message_grow(request, sizeof(*family));

	*family = (struct nfgenmsg){.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0};
}

static void batch_mark(struct request *request, uint16_t type)
{
	message_start(request, type, 0);
	struct nfgenmsg *subsystem = message_grow(request, sizeof(*subsystem));

	*subsystem = (struct nfgenmsg){.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0,
				       .res_id = htons(NFNL_SUBSYS_NFTABLES)};
}

static void add_text(struct request *request, unsigned short type, const char *text)
{
	attribute_add(request, type, text, strlen(text) + 1);
}

static void add_number(struct request *request, unsigned short type, uint32_t value)
{
	uint32_t network_order = htonl(value);

	attribute_add(request, type, &network_order, sizeof(network_order));
}

/* An expression is a nest with its name and a nest of its own attributes; both are closed by the caller. */
static struct rtattr *expression_open(struct request *request, const char *name, struct rtattr **data)
{
	struct rtattr *expression = nest_open(request, NFTA_LIST_ELEM);

	add_text(request, NFTA_EXPR_NAME, name);
	*data = nest_open(request, NFTA_EXPR_DATA);
	return expression;
}

static void expression_close(struct request *request, struct rtattr *expression, struct rtattr *data)
{
	nest_close(request, data);
	nest_close(request, expression);
}

/* What an expression before this one put into register 1 must be equal. */
static void add_compare(struct request *request, const void *value, size_t size)
{
	struct rtattr *data, *expression = expression_open(request, "cmp", &data);

	add_number(request, NFTA_CMP_SREG, NFT_REG_1);
	add_number(request, NFTA_CMP_OP, NFT_CMP_EQ);
	struct rtattr *operand = nest_open(request, NFTA_CMP_DATA);

	attribute_add(request, NFTA_DATA_VALUE, value, size);
	nest_close(request, operand);
	expression_close(request, expression, data);
}

static void add_is_tcp_to(struct request *request, uint16_t port)
{
	const uint8_t protocol = IPPROTO_TCP;
	const uint16_t network_order = htons(port);
	struct rtattr *data, *expression = expression_open(request, "meta", &data);

	add_number(request, NFTA_META_DREG, NFT_REG_1);
	add_number(request, NFTA_META_KEY, NFT_META_L4PROTO);
	expression_close(request, expression, data);
	add_compare(request, &protocol, sizeof(protocol));

	expression = expression_open(request, "payload", &data);
	add_number(request, NFTA_PAYLOAD_DREG, NFT_REG_1);
	add_number(request, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	add_number(request, NFTA_PAYLOAD_OFFSET, 2);
	add_number(request, NFTA_PAYLOAD_LEN, sizeof(network_order));
	expression_close(request, expression, data);
	add_compare(request, &network_order, sizeof(network_order));
}

static void add_verdict(struct request *request, enum filter_verdict verdict)
{
	struct rtattr *data, *expression;

	if (verdict == FILTER_REJECTS) {
		expression = expression_open(request, "reject", &data);
		add_number(request, NFTA_REJECT_TYPE, NFT_REJECT_TCP_RST);
	} else {
		expression = expression_open(request, "immediate", &data);
		add_number(request, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
		struct rtattr *value = nest_open(request, NFTA_IMMEDIATE_DATA);
		struct rtattr *code_nest = nest_open(request, NFTA_DATA_VERDICT);

		add_number(request, NFTA_VERDICT_CODE, NF_DROP);
		nest_close(request, code_nest);
		nest_close(request, value);
	}
	expression_close(request, expression, data);
}

void filter_add(enum filter_side side, uint16_t port, enum filter_verdict verdict)
{
	struct request request;

	request_begin(&request);
	batch_mark(&request, NFNL_MSG_BATCH_BEGIN);
	nft_message(&request, NFT_MSG_NEWTABLE, NLM_F_CREATE);
	add_text(&request, NFTA_TABLE_NAME, TABLE);

	nft_message(&request, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
	add_text(&request, NFTA_CHAIN_TABLE, TABLE);
	add_text(&request, NFTA_CHAIN_NAME, CHAIN);
	struct rtattr *hook = nest_open(&request, NFTA_CHAIN_HOOK);

	add_number(&request, NFTA_HOOK_HOOKNUM, side == FILTER_OUT ? NF_INET_LOCAL_OUT : NF_INET_LOCAL_IN);
	add_number(&request, NFTA_HOOK_PRIORITY, 0);
	nest_close(&request, hook);
	add_text(&request, NFTA_CHAIN_TYPE, "filter");

	nft_message(&request, NFT_MSG_NEWRULE, NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND);
	add_text(&request, NFTA_RULE_TABLE, TABLE);
	add_text(&request, NFTA_RULE_CHAIN, CHAIN);
	struct rtattr *expressions = nest_open(&request, NFTA_RULE_EXPRESSIONS);

	add_is_tcp_to(&request, port);
	add_verdict(&request, verdict);
	nest_close(&request, expressions);
	batch_mark(&request, NFNL_MSG_BATCH_END);
	request_send(&request, NETLINK_NETFILTER, "packet filter rule");
}

void filter_remove(void)
{
	struct request request;

	request_begin(&request);
	batch_mark(&request, NFNL_MSG_BATCH_BEGIN);
	nft_message(&request, NFT_MSG_DELTABLE, NLM_F_ACK);
	add_text(&request, NFTA_TABLE_NAME, TABLE);
	batch_mark(&request, NFNL_MSG_BATCH_END);
	request_send(&request, NETLINK_NETFILTER, "end of the packet filter");
}
