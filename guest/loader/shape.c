/* SPDX-License-Identifier: MIT
 *
 * Which cores and nodes the machine has: as the bundle says, unless the firmware knows better.
 */
#include "loader.h"

void shape_by_bundle(struct shape *shape, const struct abi_bundle *bundle)
{
    shape->core_count = bundle->core_count;
    shape->node_count = bundle->node_count;
    shape->pump = bundle->flags & ABI_BUNDLE_PUMP;
    shape->values = bundle->flags & ABI_BUNDLE_VALUES;
    memcpy(shape->core_node, bundle->core_node, sizeof(shape->core_node));
    memcpy(shape->apic_id, bundle->apic_id, sizeof(shape->apic_id));
    memcpy(shape->distance, bundle->distance, sizeof(shape->distance));
    for (unsigned node = 0; node < bundle->node_count; node++)
        shape->window_bytes[node] = bundle->node[node].window_bytes;
}

void shape_by_machine(struct shape *shape, const struct acpi *acpi, uint64_t window_bytes)
{
    memset(shape, 0, sizeof(*shape));
    shape->core_count = acpi->core_count;
    shape->node_count = acpi->node_count > 0 ? acpi->node_count : 1;
    memcpy(shape->core_node, acpi->core_node, sizeof(shape->core_node));
    memcpy(shape->apic_id, acpi->apic_id, sizeof(shape->apic_id));
    memcpy(shape->distance, acpi->distance, sizeof(shape->distance));
    for (unsigned node = 0; node < shape->node_count; node++)
        shape->window_bytes[node] = window_bytes;
}

const char *shape_by_acpi(struct shape *shape, const struct acpi *acpi)
{
    if (acpi->core_count < shape->core_count)
        return "the machine has fewer cores than the scenario wants";
    memcpy(shape->apic_id, acpi->apic_id, sizeof(shape->apic_id));
    if (acpi->node_count == 0)
        return NULL;
    for (unsigned node = shape->node_count; node < acpi->node_count; node++)
        shape->window_bytes[node] = shape->window_bytes[0];
    shape->node_count = acpi->node_count;
    memcpy(shape->core_node, acpi->core_node, sizeof(shape->core_node));
    memcpy(shape->distance, acpi->distance, sizeof(shape->distance));
    return NULL;
}
