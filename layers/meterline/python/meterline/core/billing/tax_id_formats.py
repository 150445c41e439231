"""How tax ids are written, by their type, and which country they are of.

Only the form is checked. The numbers that documentation and tests use (DE123456789) fail the check
digits of their countries, and nobody here can ask whether a number was given out. Types that this
table does not know are taken as they are written. Forms: the guides of VIES and of the tax offices,
and the examples of Stripe, "Customer tax IDs".
"""

import re
from collections.abc import Mapping
from typing import Final

from meterline.core.base.errors import BillingError

_EU_VAT: Final[Mapping[str, str]] = {
    "AT": r"U\d{8}",
    "BE": r"[01]\d{9}",
    "BG": r"\d{9,10}",
    "CY": r"\d{8}[A-Z]",
    "CZ": r"\d{8,10}",
    "DE": r"\d{9}",
    "DK": r"\d{8}",
    "EE": r"\d{9}",
    "EL": r"\d{9}",
    "ES": r"[A-Z0-9]\d{7}[A-Z0-9]",
    "FI": r"\d{8}",
    "FR": r"[A-Z0-9]{2}\d{9}",
    "HR": r"\d{11}",
    "HU": r"\d{8}",
    "IE": r"\d[A-Z0-9+*]\d{5}[A-Z]{1,2}",
    "IT": r"\d{11}",
    "LT": r"\d{9}|\d{12}",
    "LU": r"\d{8}",
    "LV": r"\d{11}",
    "MT": r"\d{8}",
    "NL": r"\d{9}B\d{2}",
    "PL": r"\d{10}",
    "PT": r"\d{9}",
    "RO": r"\d{2,10}",
    "SE": r"\d{12}",
    "SI": r"\d{8}",
    "SK": r"\d{10}",
    "XI": r"\d{9}|\d{12}|GD\d{3}|HA\d{3}",
}
"""What follows the two letters of a member state, or of Northern Ireland."""

_COUNTRY_OF_PREFIX: Final = {"EL": "GR", "XI": "GB"}

_FORMS: Final[Mapping[str, str]] = {
    "au_abn": r"\d{11}",
    "au_arn": r"\d{12}",
    "br_cnpj": r"\d{2}\.?\d{3}\.?\d{3}/?\d{4}-?\d{2}",
    "br_cpf": r"\d{3}\.?\d{3}\.?\d{3}-?\d{2}",
    "ca_bn": r"\d{9}",
    "ca_gst_hst": r"\d{9}RT\d{4}",
    "ca_qst": r"\d{10}TQ\d{4}",
    "ch_uid": r"CHE-?\d{3}\.?\d{3}\.?\d{3}",
    "ch_vat": r"CHE-?\d{3}\.?\d{3}\.?\d{3} ?(MWST|TVA|IVA)",
    "es_cif": r"[A-Z]\d{7}[A-Z0-9]",
    "eu_oss_vat": r"(EU|IM)\d{9,10}",
    "gb_vat": r"GB(\d{9}|\d{12}|GD\d{3}|HA\d{3})",
    "in_gst": r"\d{2}[A-Z]{5}\d{4}[A-Z][A-Z0-9]Z[A-Z0-9]",
    "jp_cn": r"\d{13}",
    "jp_rn": r"\d{5}",
    "jp_trn": r"T\d{13}",
    "kr_brn": r"\d{3}-?\d{2}-?\d{5}",
    "li_uid": r"CHE-?\d{3}\.?\d{3}\.?\d{3}",
    "mx_rfc": r"[A-ZÑ&]{3,4}\d{6}[A-Z0-9]{3}",
    "no_vat": r"\d{9}(MVA)?",
    "nz_gst": r"\d{8,9}",
    "sg_gst": r"M\d{8}[A-Z]",
    "sg_uen": r"\d{8,9}[A-Z]|[A-Z]\d{2}[A-Z]{2}\d{4}[A-Z]",
    "us_ein": r"\d{2}-?\d{7}",
    "za_vat": r"4\d{9}",
    "eu_vat": "|".join(f"{prefix}(?:{form})" for prefix, form in _EU_VAT.items()),
}

_WRITTEN: Final = re.compile(
    "|".join(f"{type_} (?:{form})" for type_, form in _FORMS.items()), re.ASCII
)
"""A type that is known, and a value that is written as it is."""

TYPES: Final = (
    *("ad_nrt", "ae_trn", "al_tin", "am_tin", "ao_tin", "ar_cuit", "au_abn", "au_acn", "au_arn"),
    *("au_wpn", "aw_tin", "az_tin", "ba_tin", "bb_tin", "bd_bin", "bf_ifu", "bg_uic", "bh_vat"),
    *("bj_ifu", "bo_tin", "br_cnpj", "br_cpf", "bs_tin", "bw_vat", "by_tin", "ca_bn"),
    *("ca_gst_hst", "ca_pst_bc", "ca_pst_mb", "ca_pst_sk", "ca_qst", "cd_nif", "ch_uid"),
    *("ch_vat", "ci_vat", "cl_tin", "cm_niu", "cn_tin", "co_nit", "cr_tin", "cv_nif", "cz_dic"),
    *("de_stn", "do_rcn", "ec_ruc", "eg_tin", "es_cif", "et_tin", "eu_oss_vat", "eu_vat"),
    *("fo_vat", "fr_siren", "fr_siret", "fr_spi", "gb_vat", "ge_vat", "gh_tin", "gi_tin"),
    *("gn_nif", "hk_br", "hr_oib", "hu_tin", "ic_nif", "id_npwp", "il_vat", "in_gst", "is_kt"),
    *("is_vat", "it_cf", "jp_cn", "jp_rn", "jp_trn", "ke_pin", "kg_tin", "kh_tin", "kr_brn"),
    *("kz_bin", "la_tin", "li_uid", "li_vat", "lk_vat", "ma_vat", "md_cf", "md_vat", "me_pib"),
    *("mk_vat", "mr_nif", "mu_vat", "mx_rfc", "my_frp", "my_itn", "my_sst", "mz_nuit", "ng_tin"),
    *("no_vat", "no_voec", "np_pan", "nz_bn", "nz_gst", "om_vat", "pe_ruc", "ph_tin", "pl_nip"),
    *("pt_nif", "py_ruc", "ro_tin", "rs_pib", "ru_inn", "ru_kpp", "sa_vat", "sg_gst", "sg_uen"),
    *("si_tin", "sm_coe", "sn_ninea", "sr_fin", "sv_nit", "th_vat", "tj_tin", "tr_tin"),
    *("tt_bir", "tt_vat", "tw_vat", "tz_vat", "ua_vat", "ug_tin", "us_ein", "uy_ruc", "uz_tin"),
    *("uz_vat", "ve_rif", "vn_tin", "za_vat", "zm_tin", "zw_tin"),
)
"""All types that there are."""


_KNOWN: Final = frozenset(TYPES)


def known_type(type_: str, param: str) -> str:
    """The type; one that is not known is refused, naming its parameter."""
    if type_ not in _KNOWN:
        raise BillingError(
            f"Invalid {param}: there is no such type of tax ID. Types are like `eu_vat`, `gb_vat`"
            " or `us_ein`.",
            param=param,
        )
    return type_


def country_of(type_: str, value: str, param: str) -> str | None:
    """The country of a tax id, two letters; None of one for the whole of Europe.

    A value that is not written as its type is, is refused, naming its parameter.
    """
    if type_ in _FORMS and not _WRITTEN.fullmatch(f"{type_} {value}"):
        raise BillingError(f"Invalid value for {type_}.", code="tax_id_invalid", param=param)
    if type_ == "eu_oss_vat":
        return None
    prefix = value[:2] if type_ == "eu_vat" else _country_in(type_)
    return _COUNTRY_OF_PREFIX.get(prefix, prefix)


def _country_in(type_: str) -> str:
    """Most types begin with their country; the tax of the Canary Islands is Spain's."""
    return {"ic": "ES"}.get(type_[:2], type_[:2].upper())
