/* Written for Consentry's demo: stands for the settings of one Meta pixel. */
if (window.fbq) window.fbq.configured = true;
